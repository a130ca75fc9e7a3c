import fc from 'fast-check'
import type { Condition, JsonObject } from '../../sidecar/ports/records.ts'

const HOSTILE_KEYS = [
  'a.b',
  'it\'s "quoted"',
  '$',
  '[0]',
  '0',
  '',
  'ключ',
  '键 🙂',
  '__proto__',
  'a\u0000b',
  'a\\',
]

/** Payloads by id. */
export const PAYLOADS: Readonly<Record<string, JsonObject>> = {
  string: { v: '1' },
  number: { v: 1 },
  boolean: { v: true },
  zero: { v: 0 },
  no: { v: false },
  null: { v: null },
  absent: {},
  text: { v: 'Ada said: 100% of a_b, "quoted" 東京' },
  list: { v: ['1', 'tea', 'green tea'] },
  numbers: { v: [5, 1, 9] },
  nothing: { v: [] },
  objects: { sources: [{ turn: 3, at: 'b' }, { turn: 7 }, { at: null }] },
  object: { sources: { turn: 3 } },
  pairs: {
    sources: [
      ['x', 3],
      ['y', 7],
    ],
  },
  late: { at: '2026-03-01' },
  early: { at: '2025-12-31T23:00:00Z' },
  float: { v: 1.5e300, w: -0.25 },
  hostile: Object.fromEntries(HOSTILE_KEYS.map((key, i) => [key, { n: i }])),
}

/** A condition, and the ids that meet it. */
export const CONDITIONS: readonly [condition: Condition, ids: readonly string[]][] = [
  [{ path: ['v'], equals: ['1'] }, ['string', 'list']],
  [{ path: ['v'], equals: [1] }, ['number', 'numbers']],
  [{ path: ['v'], equals: [true] }, ['boolean']],
  [{ path: ['v'], equals: [0, false] }, ['zero', 'no']],
  [{ path: ['v'], equals: [] }, []],
  [{ path: ['v'], exists: true }, 'string number boolean zero no text list numbers nothing float'.split(' ')],
  [{ path: ['v'], contains: '100%' }, ['text']],
  [{ path: ['v'], contains: 'a_b' }, ['text']],
  [{ path: ['v'], contains: 'A_B' }, []],
  [{ path: ['v'], contains: 'axb' }, []],
  [{ path: ['v'], contains: '東' }, ['text']],
  [{ path: ['v'], contains: 'tea' }, ['list']],
  [{ path: ['v'], contains: 'green' }, []],
  [{ path: ['v'], contains: 1 }, ['numbers']],
  [{ path: ['v'], range: { gte: 1 } }, ['number', 'numbers', 'float']],
  [{ path: ['v'], range: { gt: 1, lt: 9 } }, ['numbers']],
  [{ path: ['v'], range: { lte: 0 } }, ['zero']],
  [{ path: ['w'], range: { gte: -0.25, lte: -0.25 } }, ['float']],
  [{ path: ['at'], range: { lt: 2026 } }, []],
  [{ path: ['at'], range: { gte: '2026' } }, ['late']],
  [{ path: ['at'], range: { lt: '2026-03-01' } }, ['early']],
  [{ path: ['v'], range: { gt: 'green', lte: 'tea' } }, ['list']],
  [{ path: ['sources', 'turn'], equals: [3] }, ['objects', 'object']],
  [{ path: ['sources', 0, 'turn'], equals: [3] }, ['objects']],
  [{ path: ['sources', 1, 'turn'], equals: [3] }, []],
  [{ path: ['sources', 1, 1], equals: [7] }, ['pairs']],
  [{ path: ['sources', 9], exists: true }, []],
  [{ path: ['sources', 'at'], exists: true }, ['objects']],
  [{ path: ['v', 1], equals: [1] }, ['numbers']],
  [{ path: ['v', 'length'], exists: true }, []],
  [{ path: ['toString'], exists: true }, []],
  ...HOSTILE_KEYS.map((key, i): [Condition, string[]] => [{ path: [key, 'n'], equals: [i] }, ['hostile']]),
  [{ all: [] }, Object.keys(PAYLOADS)],
  [{ any: [] }, []],
  [{ not: { path: ['v'], exists: true } }, 'null absent objects object pairs late early hostile'.split(' ')],
  [
    {
      any: [
        { path: ['v'], equals: ['tea'] },
        {
          all: [
            { path: ['v'], exists: true },
            { path: ['v'], equals: [9] },
          ],
        },
      ],
    },
    ['list', 'numbers'],
  ],
]

const key = fc.constantFrom('a', 'b', 'c.d', '"')
const scalar = fc.constantFrom(0, 1, 2, '0', '1', 'ab', 'b', '', true, false)

export const payloads: fc.Arbitrary<JsonObject> = fc.letrec<{
  object: JsonObject
  value: JsonObject[string]
}>((tie) => ({
  object: fc.dictionary(key, tie('value'), { maxKeys: 3 }),
  value: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
})).object

const path = fc.array(fc.oneof({ weight: 4, arbitrary: key }, fc.nat(2)), { minLength: 1, maxLength: 3 })
const bound = fc.option(fc.constantFrom<number | string>(0, 1, 2, '0', 'ab'), { nil: undefined })
const leaf: fc.Arbitrary<Condition> = fc.oneof(
  fc.record({ path, equals: fc.array(scalar, { maxLength: 3 }) }),
  fc.record({
    path,
    range: fc.record({ gt: bound, gte: bound, lt: bound, lte: bound }) as fc.Arbitrary<object>,
  }),
  fc.record({ path, contains: scalar }),
  fc.record({ path, exists: fc.constant(true as const) }),
)

export const conditions: fc.Arbitrary<Condition> = fc.letrec<{ one: Condition }>((tie) => ({
  one: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.record({ all: fc.array(tie('one'), { maxLength: 3 }) }),
    fc.record({ any: fc.array(tie('one'), { maxLength: 3 }) }),
    fc.record({ not: tie('one') }),
  ),
})).one
