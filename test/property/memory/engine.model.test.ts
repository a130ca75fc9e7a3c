import fc from 'fast-check'
import { expect, it } from 'vitest'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../../../sidecar/adapters/in-process/lock.ts'
import { addTurn } from '../../../sidecar/learning/intake/add-turn.ts'
import { MemoryEngine } from '../../../sidecar/memory/engine/engine.ts'
import { Recall } from '../../../sidecar/retrieval/recall.ts'
import { stoppedClock } from '../../helpers/clock.ts'
import { openMemoryRecords } from '../../helpers/sqlite.ts'

const FACTS = [
  'Ada lives in Kyoto near the river.',
  'Ada is allergic to peanuts and to cats.',
  'Ada plays the cello in an orchestra.',
  'Ada works as a nurse at night.',
  'Ada has a brother in Osaka.',
]

const USERS = ['ada', 'bob']
const CONVERSATIONS = ['c1', 'c2']

type Step =
  | { do: 'add'; user: string; conversation: string; turn: number | undefined; facts: number[] }
  | { do: 'delete'; user: string; fact: number }
  | { do: 'search'; user: string; fact: number }

const user = fc.constantFrom(...USERS)
const fact = fc.nat(FACTS.length - 1)
const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      user,
      conversation: fc.constantFrom(...CONVERSATIONS),
      turn: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      facts: fc.uniqueArray(fact, { maxLength: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), user, fact }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('search' as const), user, fact }) },
)

/** The contract of the engine, implemented with sets. */
class Model {
  readonly turns = new Map<string, { said: Set<number>; deleted: Set<number> }>()
  readonly last = new Map<string, number>()

  add(conversation: string, turn: number | undefined, facts: readonly number[]): number {
    const last = this.last.get(conversation) ?? 0
    const number = turn ?? last + 1
    this.last.set(conversation, Math.max(last, number))
    const deleted = this.turns.get(`${conversation} ${number}`)?.deleted ?? new Set<number>()
    this.turns.set(`${conversation} ${number}`, { said: new Set(facts).difference(deleted), deleted })
    return number
  }

  delete(one: number): boolean {
    const sources = [...this.turns.values()].filter(({ said }) => said.has(one))
    for (const { said, deleted } of sources) {
      said.delete(one)
      deleted.add(one)
    }
    return sources.length > 0
  }

  /** Each known fact with the turns that stated it. */
  known(): Map<number, string[]> {
    const known = new Map<number, string[]>()
    for (const [turn, { said }] of this.turns)
      for (const one of said) known.set(one, [...(known.get(one) ?? []), turn].sort())
    return known
  }
}

it('the engine agrees with a naive model, and search finds exactly its current memories', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { minLength: 1, maxLength: 25 }), async (steps) => {
      const clock = stoppedClock()
      const records = openMemoryRecords()
      const embedder = lexicalEmbedder()
      const readers = { embedder, embeddingDeadlineMs: 5000, now: clock.now }
      const engine = new MemoryEngine({
        records,
        lock: createInProcessScopeLock(),
        embedder,
        onChange: async () => {},
        now: clock.now,
      })
      const kept = new Recall({ records, ...readers })
      const ids = new Map<string, string>()
      const models = new Map(USERS.map((name) => [name, new Model()]))
      const search = async (recall: Recall, userId: string, query: string) => {
        const { found } = await recall.search({ namespace: 'n', userId }, { query, topK: 100, threshold: 0 })
        return found.map(({ memory, score }) => ({
          text: memory.text,
          sources: memory.sources,
          score: Number(score.toFixed(5)),
        }))
      }
      try {
        for (const step of steps) {
          // Sooner, other words for a turn are a turn of their own.
          clock.advance(2000)
          const scope = { namespace: 'n', userId: step.user }
          const model = models.get(step.user) as Model
          if (step.do === 'add') {
            const messages = step.facts.map((one) => ({
              role: 'user' as const,
              content: FACTS[one] as string,
            }))
            const added = await addTurn(engine, scope, {
              messages,
              conversationId: step.conversation,
              turn: step.turn,
            })
            expect(added.turn).toBe(model.add(step.conversation, step.turn, step.facts))
            for (const { id, memory } of added.events) ids.set(`${step.user} ${memory}`, id)
          } else if (step.do === 'delete') {
            const id = ids.get(`${step.user} ${FACTS[step.fact]}`) ?? 'never-said'
            const outcome = await engine.remove(scope, id).then(
              () => true,
              () => false,
            )
            expect(outcome).toBe(model.delete(step.fact))
          } else {
            const found = await search(kept, step.user, FACTS[step.fact] as string)
            expect(found.map(({ text }) => text).sort()).toEqual(
              [...model.known().keys()].map((one) => FACTS[one]).sort(),
            )
          }
        }
        for (const [userId, model] of models) {
          const known = new Map([...model.known()].map(([one, turns]) => [FACTS[one] as string, turns]))
          const { memories } = await engine.list(
            { namespace: 'n', userId },
            { limit: 100, accept: () => true },
          )
          expect(
            new Map(
              memories.map(({ text, sources }) => [
                text,
                sources.map((source) => `${source.conversation_id} ${source.turn}`).sort(),
              ]),
            ),
          ).toEqual(known)
          for (const text of FACTS) {
            const id = ids.get(`${userId} ${text}`) ?? 'never-said'
            const got = await engine.get({ namespace: 'n', userId }, id).then(
              (memory) => memory.text,
              () => undefined,
            )
            expect(got).toBe(known.has(text) ? text : undefined)
          }
          for (const query of ['Where does Ada live?', 'peanuts', 'brother in Osaka']) {
            const found = await search(kept, userId, query)
            expect(found.map(({ text }) => text).sort()).toEqual([...known.keys()].sort())
          }
        }
      } finally {
        await records.close()
      }
    }),
    { numRuns: 30 },
  )
})
