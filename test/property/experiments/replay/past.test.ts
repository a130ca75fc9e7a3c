import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readPast } from '../../../../sidecar/experiments/replay/past.ts'
import { ReplayedStore } from '../../../../sidecar/experiments/replay/replayed-store.ts'
import { scopeKey } from '../../../../sidecar/memory/model/scope.ts'
import { scrollMemories } from '../../../../sidecar/memory/repositories/memories.ts'
import type { RecordStore } from '../../../../sidecar/ports/records.ts'
import { ADA, replayApp } from '../../../helpers/replay.ts'
import { testApp } from '../../../helpers/test-app.ts'

const SCOPE = scopeKey(ADA)

/** Everything that a store knows of the user, in comparable form. */
async function visibleIn(records: RecordStore): Promise<string[]> {
  const lines: string[] = []
  for await (const { memory } of scrollMemories(records, SCOPE)) {
    const said = memory.sources.map(({ conversation_id, turn }) => `${conversation_id}/${turn}`).sort()
    lines.push(`${memory.id} v${memory.version} ${memory.text} (${said})`)
  }
  return lines.sort()
}

/** What a replay shows at each turn, in the order of the turns. */
async function replayed({ records, engines }: Pick<ReturnType<typeof replayApp>, 'records' | 'engines'>) {
  const past = await readPast(records, SCOPE)
  await using engine = await engines.open()
  const store = new ReplayedStore({ source: records, scope: SCOPE, past, engine })
  const shown: string[][] = []
  for (const position of past.turns.keys()) {
    await store.advanceTo(position)
    shown.push(await visibleIn(engine.records))
  }
  return shown
}

const FACTS = ['I live in Kyoto.', 'I play the cello.', 'My dog is called Pickle.', 'I am allergic to nuts.']

const action = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('say' as const), fact: fc.nat(3), where: fc.nat(1) }),
  },
  fc.record({
    kind: fc.constantFrom('correct' as const, 'delete' as const, 'restore' as const),
    nth: fc.nat(9),
  }),
)

it('shows at each turn exactly what the store held before that turn, in the versions of that time', async () => {
  const { engines } = replayApp()
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 14 }), async (actions) => {
      const app = replayApp(testApp(), engines)
      const expected: string[][] = []
      const turns = [0, 0]
      const ids: string[] = []
      for (const [i, one] of actions.entries()) {
        if (one.kind === 'say') {
          expected.push(await visibleIn(app.records))
          turns[one.where] = (turns[one.where] as number) + 1
          const conversationId = `c-${one.where}`
          const said = await app.say(turns[one.where] as number, FACTS[one.fact] as string, undefined, {
            conversationId,
          })
          ids.push(...said.events.map(({ id }) => id))
          continue
        }
        const id = ids[one.nth % Math.max(1, ids.length)]
        if (id === undefined) continue
        app.clock.advance(1000)
        const change = {
          correct: () => app.engine.revise(ADA, id, { text: `Corrected to number ${i}.` }, null),
          delete: () => app.engine.remove(ADA, id),
          restore: () => app.engine.restore(ADA, id, undefined, null),
        }
        // Some are impossible: a deleted memory cannot be corrected.
        await change[one.kind]().catch(() => {})
      }
      expect(await replayed(app)).toEqual(expected)
    }),
    { numRuns: 25 },
  )
})

it('shows the text of a regenerated turn only after that turn', async () => {
  const app = replayApp()
  await app.say(1, 'I live in Kyoto.')
  await app.say(2, 'I play the cello.')
  await app.say(1, 'I live in Osaka.')
  await app.say(3, 'I like tea.')
  const shown = await replayed(app)
  expect(shown.map((lines) => lines.map((line) => /v\d+ (.*) \(/.exec(line)?.[1]).sort())).toEqual([
    [],
    ['I live in Osaka.'],
    ['I live in Osaka.', 'I play the cello.'],
  ])
})

it('shows an extracted memory from the end of its source turn', async () => {
  const app = replayApp()
  await app.say(1, 'I live in Kyoto.')
  await app.say(2, 'I play the cello.')
  const { turns, changes } = await readPast(app.records, SCOPE)
  expect(changes.map(({ after, version }) => [after, version])).toEqual([
    [0, 1],
    [1, 1],
  ])
  expect(turns.map(({ turn }) => turn)).toEqual([1, 2])
})

it('orders imported turns by when they were said', async () => {
  const app = replayApp()
  const at = (day: string) => ({ role: 'user', content: `I was in ${day}.`, at: `2025-01-0${day}T10:00:00Z` })
  for (const [turn, day] of [
    [2, '2'],
    [1, '1'],
  ] as const) {
    const body = { user_id: 'ada', conversation_id: 'c', turn, mode: 'verbatim', messages: [at(day)] }
    expect((await app.call('POST', '/v1/memories', body)).status).toBe(200)
  }
  expect((await readPast(app.records, SCOPE)).turns.map(({ turn }) => turn)).toEqual([1, 2])
})
