import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fieldsOf, parseFilter } from '../../sidecar/memory/filters.ts'
import type { Memory } from '../../sidecar/memory/memory.ts'
import type { RecordStore } from '../../sidecar/ports/records.ts'
import { put, SCOPE } from '../contracts/records-subject.ts'
import { startFakeQdrant } from '../fake-qdrant/server.ts'
import { openOn } from '../fake-qdrant/subject.ts'

const T = Date.UTC(2026, 0, 1)
const TEXT = fc.constantFrom('tea', '*', '', 'a"b', 'naïve 東京', 'half \ud83d', 'tea\u0000')
const ID = fc.constantFrom('c1', 'c2', '*')
const NUMBER = fc.constantFrom(0, 1, 2, 2.5, -1, 1e300)
const TIME = fc.constantFrom(T, T + 1, T + 86_400_000)
const orNull = <U>(one: fc.Arbitrary<U>) => fc.option(one, { nil: null })

const SOURCE = fc.record({
  turn_id: fc.constant('t'),
  conversation_id: orNull(ID),
  turn: orNull(NUMBER),
  ordinal: fc.constant(0),
  at: TIME,
})

const MEMORY: fc.Arbitrary<Omit<Memory, 'id'>> = fc.record({
  text: TEXT,
  role: fc.constantFrom('user' as const, 'assistant' as const),
  speaker: TEXT,
  agent_id: orNull(ID),
  run_id: orNull(ID),
  app_id: orNull(ID),
  metadata: fc.constantFrom(
    {},
    { lang: 'en' },
    { topic: 'tea', fields: { topic: 'tea' }, 'fields.topic': 'tea' },
  ),
  kind: fc.constantFrom('verbatim' as const, 'pending' as const),
  topic: orNull(TEXT),
  sub_topic: orNull(TEXT),
  importance: orNull(NUMBER),
  event_date: orNull(fc.constantFrom('2026', '2026-01')),
  version: NUMBER,
  valid_from: TIME,
  expires_at: orNull(TIME),
  context: fc.constant(null),
  sources: fc.array(SOURCE, { minLength: 1, maxLength: 3 }),
  order: fc.constant(1),
  created_at: TIME,
  updated_at: TIME,
})

const ISO = TIME.map((time) => new Date(time).toISOString())
const SCALAR = fc.oneof(TEXT, ID, NUMBER, fc.boolean(), fc.constant(null))
const TEXTS = [
  'memory',
  'role',
  'speaker',
  'kind',
  'tier',
  'topic',
  'sub_topic',
  'event_date',
  'agent_id',
] as const
const NUMBERS = ['importance', 'version'] as const
const TIMES = ['at', 'created_at', 'expires_at'] as const
const LISTS = ['conversation_id', 'turn'] as const

function operators(operand: fc.Arbitrary<unknown>, one: readonly string[], rest: object = {}) {
  const simple = fc
    .tuple(fc.constantFrom(...one), operand)
    .map(([operator, value]) => ({ [operator]: value }))
  const many = fc.tuple(fc.constantFrom('in', 'nin'), fc.array(operand, { maxLength: 3 }))
  return fc.oneof(
    simple,
    many.map(([operator, values]) => ({ [operator]: values })),
    ...Object.values(rest),
  )
}

const EXISTS = fc.boolean().map((exists) => ({ exists }))
const ORDER = ['gt', 'gte', 'lt', 'lte']

/** Conditions of which a store can tell all. */
const TOLD = fc.oneof(
  fc.tuple(fc.constantFrom(...TEXTS), operators(SCALAR, ['eq', 'ne'], { EXISTS })),
  fc.tuple(fc.constantFrom(...NUMBERS), operators(SCALAR, ['eq', 'ne'], { EXISTS })),
  fc.tuple(fc.constantFrom(...NUMBERS), operators(NUMBER, ORDER)),
  fc.tuple(fc.constantFrom(...TIMES), operators(ISO, ['eq', 'ne', ...ORDER], { EXISTS })),
  fc.tuple(
    fc.constantFrom(...LISTS),
    operators(fc.oneof(ID, NUMBER, TEXT), ['eq', 'ne', 'contains'], { EXISTS }),
  ),
)

/** Conditions of which it can tell nothing, or not all. */
const UNTOLD = fc.oneof(
  fc.tuple(fc.constantFrom('metadata.lang', 'metadata.topic'), operators(SCALAR, ['eq', 'ne'], { EXISTS })),
  fc.tuple(fc.constantFrom(...TEXTS), operators(TEXT, [...ORDER, 'contains'])),
  fc.tuple(fc.constantFrom(...LISTS), operators(SCALAR, ['eq', 'ne', 'contains'], { EXISTS })),
)

function filters(leaf: fc.Arbitrary<readonly [string, unknown]>): fc.Arbitrary<object> {
  const { tree } = fc.letrec<{ tree: object }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      leaf.map(([field, condition]) => ({ [field]: condition })),
      fc.array(tie('tree'), { maxLength: 3 }).map((AND) => ({ AND })),
      fc.array(tie('tree'), { maxLength: 3 }).map((OR) => ({ OR })),
      tie('tree').map((NOT) => ({ NOT })),
    ),
  }))
  return tree
}

const DENSE = new Float32Array([1, 0])

async function stored(store: RecordStore, memories: readonly Memory[]): Promise<void> {
  await store.commit(
    memories.map((memory) =>
      put(memory.id, { payload: JSON.parse(JSON.stringify(memory)), dense: DENSE, fields: fieldsOf(memory) }),
    ),
  )
}

async function idsFor(store: RecordStore, filter: object, only: 'server' | 'both'): Promise<string[]> {
  const { accepts, where } = parseFilter(filter)
  const accept = ({ payload }: { payload: unknown }) => accepts(payload as Memory)
  const search = { dense: DENSE, limit: 100, where, ...(only === 'both' ? { accept } : {}) }
  return (await store.search('memories', SCOPE, search)).map(({ id }) => id).sort()
}

const WORLD = fc
  .array(MEMORY, { minLength: 4, maxLength: 10 })
  .map((memories) => memories.map((memory, i): Memory => ({ ...memory, id: `m${i}` })))

describe('filters that the server is given', () => {
  it('let through what the same filters do in the process, no more and no less', async () => {
    await using server = await startFakeQdrant()
    let runs = 0
    await fc.assert(
      fc.asyncProperty(
        WORLD,
        fc.array(filters(TOLD), { minLength: 6, maxLength: 12 }),
        async (memories, asked) => {
          const store = await openOn(server.url, { prefix: `run${runs++}_` })
          await stored(store, memories)
          for (const filter of asked) {
            const { accepts } = parseFilter(filter)
            const expected = memories.filter(accepts).map(({ id }) => id)
            expect(await idsFor(store, filter, 'server'), JSON.stringify(filter)).toEqual(expected.sort())
          }
          await store.close()
        },
      ),
      { numRuns: 8 },
    )
  }, 120_000)

  it('lose nothing where the server cannot tell all', async () => {
    await using server = await startFakeQdrant()
    let runs = 0
    const any = filters(fc.oneof(TOLD, UNTOLD))
    await fc.assert(
      fc.asyncProperty(WORLD, fc.array(any, { minLength: 6, maxLength: 12 }), async (memories, asked) => {
        const store = await openOn(server.url, { prefix: `run${runs++}_` })
        await stored(store, memories)
        for (const filter of asked) {
          const expected = memories.filter(parseFilter(filter).accepts).map(({ id }) => id)
          expect(await idsFor(store, filter, 'both'), JSON.stringify(filter)).toEqual(expected.sort())
          const passed = new Set(await idsFor(store, filter, 'server'))
          expect(expected.filter((id) => !passed.has(id))).toEqual([])
        }
        await store.close()
      }),
      { numRuns: 8 },
    )
  }, 120_000)

  it('find records of an earlier version, which have no fields', async () => {
    await using server = await startFakeQdrant()
    const store = await openOn(server.url)
    await store.commit([put('old', { dense: DENSE, payload: { topic: 'tea' } })])
    expect(await idsFor(store, { topic: 'tea' }, 'both')).toEqual(['old'])
    expect(await idsFor(store, { topic: 'coffee' }, 'both')).toEqual([])
    await store.close()
  })
})

describe('a Qdrant store whose answers are lost', () => {
  it('sends every request again, and comes to the same', async () => {
    await using server = await startFakeQdrant()
    let asked = 0
    server.fault = () => {
      asked += 1
      return asked % 2 === 1 ? { cut: 'after' } : undefined
    }
    const store = await openOn(server.url, { retryDelayMs: 1 })
    await store.commit([put('x', { dense: DENSE }), put('y', { collection: 'turns' })])
    await store.commit([{ remove: 'x', collection: 'memories', scope: SCOPE }, put('z', { dense: DENSE })])
    await store.generations?.adopt()
    expect(await store.search('memories', SCOPE, { dense: DENSE, limit: 5 })).toMatchObject([{ id: 'z' }])
    expect(await store.scroll('turns', SCOPE, { limit: 5 })).toMatchObject([{ id: 'y' }])
    expect(await store.generations?.dropOthers()).toBe(0)
    await store.close()
    expect(asked).toBeGreaterThan(60)
  })
})
