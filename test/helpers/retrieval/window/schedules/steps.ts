import fc from 'fast-check'

/** Two conversations of one user, each with its own window size. */
export const CONVERSATIONS = ['a', 'b'] as const
export type Conversation = (typeof CONVERSATIONS)[number]

export interface Ask {
  do: 'ask'
  conversation: Conversation
  /** Distance from the latest turn: 1 is the next turn, 0 a regenerated answer, negative an edited thread. */
  ahead: number
  strategy: 'cached' | 'cached_delta' | 'per_query'
  freshness: 'window' | 'write'
  refresh: boolean
  /** A write that commits between building the block and storing it in the cache. */
  during: Write | undefined
}

export type Write =
  /**
   * `back`: turns before the latest one. `extends`: the turn repeats its earlier text and adds to it. `asks`: the text
   * is a question, which verbatim mode does not keep but the model learns a fact from.
   */
  | { do: 'add'; conversation: Conversation; back: number; extends: boolean; asks: boolean }
  | { do: 'delete'; nth: number }
  | { do: 'restore'; nth: number }
  | { do: 'correct'; nth: number }
  | { do: 'forget' }

export type Step =
  | Ask
  | Write
  /** A write, and a recall like the last one just before it commits. */
  | { do: 'askDuring'; write: Write }
  | { do: 'learn' }
  | { do: 'model'; works: boolean }
  | { do: 'wait'; ms: number }
  | { do: 'evict'; what: 'blocks' | 'counters' | 'turns' }
  /** A process stops, abruptly or gracefully, and starts again; the scope state may be lost. */
  | { do: 'restart'; isAbrupt: boolean; keepsState: boolean }
  /** The conversation restarts: its turns count from the first one again. */
  | { do: 'reset'; conversation: Conversation; forgets: boolean }
  | { do: 'state'; away: boolean }

export interface Schedule {
  /** Whether a model extracts facts; else turns are kept verbatim. */
  learns: boolean
  windows: Record<Conversation, number>
  /** Number of the first turn: 1, or 0 as in Dify before 1.9. */
  firstTurn: number
  /** Number of processes that share one record store and one scope state. */
  sidecars: number
  /** Each step with the index of its sidecar, modulo `sidecars`. */
  steps: [step: Step, by: number][]
}

const conversation = fc.constantFrom(...CONVERSATIONS)

const add = fc.record({
  do: fc.constant('add' as const),
  conversation,
  back: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(8) }),
  extends: fc.boolean(),
  asks: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
})
const nth = fc.nat(5)
const change = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('delete' as const), nth }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('correct' as const), nth }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('restore' as const), nth: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const) }) },
)
const write: fc.Arbitrary<Write> = fc.oneof({ weight: 3, arbitrary: add }, { weight: 2, arbitrary: change })

const ask: fc.Arbitrary<Ask> = fc.record({
  do: fc.constant('ask' as const),
  conversation,
  ahead: fc.oneof(
    { weight: 8, arbitrary: fc.constant(1) },
    { weight: 2, arbitrary: fc.integer({ min: -4, max: 5 }) },
    { weight: 1, arbitrary: fc.constantFrom(60, 100_000) },
  ),
  strategy: fc.oneof(
    { weight: 6, arbitrary: fc.constant('cached' as const) },
    { weight: 2, arbitrary: fc.constantFrom('cached_delta' as const, 'per_query' as const) },
  ),
  freshness: fc.oneof(
    { weight: 4, arbitrary: fc.constant('window' as const) },
    { weight: 1, arbitrary: fc.constant('write' as const) },
  ),
  refresh: fc.oneof(
    { weight: 9, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  during: fc.option(write, { nil: undefined, freq: 8 }),
})

const rare: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('askDuring' as const), write }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('learn' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('model' as const), works: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 30_000, 61_000, 90_000_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('evict' as const),
      what: fc.constantFrom('blocks' as const, 'counters' as const, 'turns' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('restart' as const),
      isAbrupt: fc.boolean(),
      keepsState: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('reset' as const), conversation, forgets: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('state' as const), away: fc.boolean() }) },
)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: ask },
  { weight: 4, arbitrary: add },
  { weight: 2, arbitrary: change },
  { weight: 2, arbitrary: rare },
)

export const schedule: fc.Arbitrary<Schedule> = fc.record({
  learns: fc.boolean(),
  sidecars: fc.constantFrom(1, 2),
  windows: fc.record({ a: fc.integer({ min: 2, max: 6 }), b: fc.constantFrom(1, 2, 10) }),
  steps: fc.array(fc.tuple(step, fc.nat(1)), { minLength: 4, maxLength: 30 }),
  firstTurn: fc.constantFrom(1, 0),
})
