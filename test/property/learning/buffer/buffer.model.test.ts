import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ADA, type SetUp, setUp, unavailable } from '../../../helpers/learning/buffer/helpers.ts'
import { type Behaviour, batchOf, gibberish, held } from '../../../helpers/learning/buffer/model.ts'
import { quiet, until } from '../../../helpers/learning/buffer/timers.ts'

/** Texts and their independent facts, by position. */
const SAID = ['I live in Leeds', 'I am a nurse', 'I have a cat', 'I play the cello', 'I am allergic to nuts']
const FACTS = [
  'Ada lives in Leeds.',
  'Ada works as a nurse.',
  'Ada has a cat.',
  'Ada plays the cello.',
  'Ada is allergic to nuts.',
]

const MODES: Record<string, Behaviour | undefined> = {
  available: undefined,
  unavailable: unavailable('unreachable'),
  limited: unavailable('rate_limited', { retryAfterMs: 120_000 }),
  gibberish,
  poisoned: (request) => (batchOf(request).includes('cat') ? gibberish(request) : undefined),
}

type Change =
  | { do: 'post'; conversation: string | undefined; turn: number; said: number[] }
  | { do: 'again'; nth: number }
  | { do: 'delete'; nth: number }
  | { do: 'forget' }

type Step =
  | Change
  | { do: 'flush'; conversation: string | undefined; during: Change | undefined }
  | { do: 'model'; is: string }
  | { do: 'restart' }
  | { do: 'wait'; ms: number }

const CHANGE: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('post' as const),
      conversation: fc.constantFrom('c', 'd', undefined),
      turn: fc.integer({ min: 1, max: 3 }),
      said: fc.uniqueArray(fc.nat(SAID.length - 1), { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('again' as const), nth: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), nth: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'forget' as const }) },
)

const STEP: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: CHANGE },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('flush' as const),
      conversation: fc.constantFrom('c', undefined),
      during: fc.option(CHANGE, { nil: undefined }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('model' as const), is: fc.constantFrom(...Object.keys(MODES)) }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'restart' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1000, 61_000, 900_000) }),
  },
)

interface KnownTurn {
  id: string
  conversation: string | undefined
  turn: number
  said: number[]
  isDone: boolean
  /** Texts that were deleted while the turn was pending. */
  unsaid: Set<number>
  /** Deleted facts that this turn does not restore. */
  gone: Set<number>
  /** Becomes `gone` at extraction, unless the turn is posted with another text before. */
  passing: Set<number>
}

/** The specification of the buffer, on sets. */
class Model {
  turns: KnownTurn[] = []

  post(id: string, { conversation, turn, said }: Extract<Change, { do: 'post' }>) {
    const known = this.turns.find((one) => one.id === id)
    if (known && String(known.said) === String(said)) return
    if (known) Object.assign(known, { said, isDone: false, passing: new Set() })
    else {
      const none = { unsaid: new Set<number>(), gone: new Set<number>(), passing: new Set<number>() }
      this.turns.push({ id, conversation, turn, said, isDone: false, ...none })
    }
  }

  deleteText(id: string, text: number) {
    this.turns.find((one) => one.id === id)?.unsaid.add(text)
  }

  deleteFact(fact: number) {
    for (const turn of this.turns)
      if (turn.said.includes(fact)) (turn.isDone ? turn.gone : turn.passing).add(fact)
  }

  learned(ids: ReadonlySet<string>) {
    for (const turn of this.turns) {
      if (turn.isDone || !ids.has(turn.id)) continue
      turn.isDone = true
      turn.gone = turn.gone.union(turn.passing)
    }
  }

  /** Everything that must be recallable, with its source turns. */
  known(): string[] {
    const words = this.turns.flatMap(({ id, said, unsaid, isDone }) =>
      isDone ? [] : said.filter((one) => !unsaid.has(one)).map((one) => `pending: ${SAID[one]} < ${id}`),
    )
    const facts = FACTS.flatMap((text, fact) => {
      const says = this.turns.filter(
        ({ isDone, said, unsaid, gone }) =>
          isDone && said.includes(fact) && !unsaid.has(fact) && !gone.has(fact),
      )
      const sources = says.map(({ id }) => id).sort()
      return says.length === 0 ? [] : [`extracted: ${text} < ${sources}`]
    })
    return [...words, ...facts].sort()
  }
}

async function waitUntilIdle(at: SetUp) {
  await until(() => !at.buffer.list(ADA).some(({ processing }) => processing))
  await quiet(15)
}

async function change(at: SetUp, model: Model, step: Change) {
  at.clock.advance(1000)
  if (step.do === 'post') {
    const messages = step.said.map((one) => ({
      role: 'user' as const,
      name: 'Ada',
      content: SAID[one] as string,
    }))
    const where = step.conversation === undefined ? { idempotencyKey: `k${step.turn}` } : { turn: step.turn }
    const { turnId } = await at.services.intake.add(
      ADA,
      { messages, conversationId: step.conversation, ...where },
      undefined,
    )
    model.post(turnId, step)
  } else if (step.do === 'again') {
    const known = model.turns[step.nth % Math.max(1, model.turns.length)]
    if (known) await change(at, model, { ...known, do: 'post' })
  } else if (step.do === 'delete') {
    const { memories } = await at.services.engine.list(ADA, { limit: 100, accept: () => true })
    const memory = memories[step.nth % Math.max(1, memories.length)]
    if (!memory) return
    await recordExtracted(at, model)
    await at.services.engine.remove(ADA, memory.id)
    if (memory.kind === 'pending')
      model.deleteText(memory.sources[0]?.turn_id as string, SAID.indexOf(memory.text))
    else model.deleteFact(FACTS.indexOf(memory.text))
  } else {
    await at.services.engine.forget(ADA)
    await at.buffer.reload(ADA)
    model.turns = []
  }
}

async function recordExtracted(at: SetUp, model: Model) {
  model.learned(new Set((await at.turnsStored()).flatMap(({ id, state }) => (state === 'done' ? [id] : []))))
}

async function check(at: SetUp, model: Model) {
  const turns = await at.turnsStored()
  const waiting = turns.filter(({ state }) => state !== 'done').map(({ id }) => `${id} ${state(id)}`)
  function state(id: string) {
    return turns.find((one) => one.id === id)?.state === 'failed' ? 'failed' : 'pending'
  }
  const asIs = ({ turn_id, not_before }: { turn_id: string; not_before: number | null }) =>
    `${turn_id} ${not_before === null ? 'failed' : 'pending'}`
  expect((await at.pendingStored()).map(asIs).sort()).toEqual(waiting.sort())
  expect(at.buffer.list(ADA).map(asIs).sort()).toEqual(waiting)
  expect(turns.map(({ id }) => id).sort()).toEqual(model.turns.map(({ id }) => id).sort())
  await recordExtracted(at, model)
  const { memories } = await at.services.engine.list(ADA, { limit: 100, accept: () => true })
  const shown = memories.map(
    ({ kind, text, sources }) => `${kind}: ${text} < ${sources.map(({ turn_id }) => turn_id).sort()}`,
  )
  expect(shown.sort()).toEqual(model.known())
}

it('recalls each turn as text or as facts and never what was deleted, after any sequence of operations', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { minLength: 3, maxLength: 25 }), async (steps) => {
      let at = setUp()
      const model = new Model()
      for (const step of steps) {
        if (step.do === 'flush') {
          const { reached, release, behaviour } = held()
          const usual = at.model.usual()
          at.model.next(async (request) => (await behaviour(request)) ?? (await usual?.(request)))
          const flushing = at.buffer.flush(ADA, step.conversation)
          await Promise.race([reached, flushing])
          if (step.during) await change(at, model, step.during)
          release()
          await flushing
          at.model.forgetNext()
        } else if (step.do === 'model') at.model.always(MODES[step.is])
        else if (step.do === 'restart') at = await at.restart()
        else if (step.do === 'wait') await at.timers.advance(step.ms)
        else await change(at, model, step)
        await waitUntilIdle(at)
        await check(at, model)
      }
      at.model.always(undefined)
      await at.buffer.flush(ADA)
      await check(at, model)
      expect(model.turns.every(({ isDone }) => isDone)).toBe(true)
      expect(at.buffer.size).toEqual({ scopes: 0, turns: 0 })
      const { memories } = await at.services.engine.list(ADA, { limit: 100, accept: () => true })
      for (const { text } of memories) expect(await at.recalled(text)).toContain(text)
      await at.timers.advance(86_400_000)
      expect(at.timers.set()).toEqual([])
    }),
    { numRuns: 25 },
  )
})
