import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { meets } from '../../../sidecar/adapters/common/condition.ts'
import { compileFilter } from '../../../sidecar/memory/model/filters.ts'
import { readMemory } from '../../../sidecar/memory/repositories/memories.ts'
import type { JsonObject } from '../../../sidecar/ports/records.ts'

const DAY = Date.parse('2026-03-01T09:00:00Z')

// Few distinct values, so that values of memories and operands of filters are often equal or close.
const word = fc.constantFrom('', 'a', 'ab', 'b', '3', 'null', '*')
const number = fc.constantFrom(-1, 0, 1, 2, 2.5, 3)
const scalar = fc.oneof(word, number, fc.boolean(), fc.constant(null))
const time = fc.integer({ min: 0, max: 3 }).map((days) => DAY + days * 86_400_000)
const KEYS = ['x', 'y', 'a.b', '0']

const source = fc.record({
  turn_id: fc.constant('t'),
  conversation_id: fc.option(word),
  turn: fc.option(fc.integer({ min: 0, max: 3 })),
  ordinal: fc.constant(0),
  at: time,
})

/** The payload of a memory; fields that may be absent are sometimes absent. */
const payload = fc.record(
  {
    id: fc.constantFrom('a', 'ab', 'b'),
    text: word,
    role: fc.constantFrom('user', 'assistant'),
    speaker: word,
    agent_id: fc.option(word),
    run_id: fc.option(word),
    app_id: fc.option(word),
    metadata: fc.dictionary(
      fc.constantFrom(...KEYS),
      fc.oneof(
        scalar,
        fc.array(fc.oneof({ weight: 5, arbitrary: scalar }, fc.array(scalar, { maxLength: 2 })), {
          maxLength: 3,
        }),
        fc.dictionary(fc.constantFrom(...KEYS), scalar, { maxKeys: 1 }),
      ),
    ),
    kind: fc.constantFrom('verbatim', 'pending', 'extracted'),
    topic: fc.option(word),
    sub_topic: fc.option(word),
    importance: fc.option(fc.integer({ min: 1, max: 3 })),
    event_date: fc.option(fc.constantFrom('2025', '2026-03', '2026-03-01')),
    version: fc.integer({ min: 1, max: 3 }),
    valid_from: time,
    expires_at: fc.option(time),
    context: fc.constant(null),
    sources: fc.array(source, { minLength: 1, maxLength: 3 }),
    order: fc.constant(1),
    created_at: time,
    updated_at: time,
  },
  {
    requiredKeys: [
      ...(['id', 'text', 'role', 'speaker', 'metadata', 'kind', 'version', 'valid_from'] as const),
      ...(['sources', 'order', 'created_at', 'updated_at'] as const),
    ],
  },
)

const field = fc.constantFrom(
  ...KEYS.flatMap((key) => [`metadata.${key}`, `metadata.${key}`, `metadata.${key}`]),
  ...['id', 'memory', 'role', 'speaker', 'kind', 'topic', 'sub_topic', 'importance', 'event_date', 'version'],
  ...['agent_id', 'run_id', 'app_id', 'conversation_id', 'turn'],
)
const tier = fc.constantFrom('short', 'mid', 'long', null)
const timeField = fc.constantFrom('at', 'created_at', 'updated_at', 'valid_from', 'expires_at')

function conditionOn(operand: fc.Arbitrary<unknown>, bound: fc.Arbitrary<unknown>) {
  const list = fc.array(operand, { maxLength: 3 })
  return fc.oneof(
    operand,
    list,
    fc.oneof(
      fc.record({ eq: operand }),
      fc.record({ ne: operand }),
      fc.record({ in: list }),
      fc.record({ nin: list }),
      fc.record({ exists: fc.boolean() }),
      fc.record({ contains: operand }),
      fc.record({ gt: bound, lte: bound }, { requiredKeys: [] }),
      fc.record({ gte: bound, lt: bound }, { requiredKeys: [] }),
    ),
  )
}

const isoTime = time.map((at) => new Date(at).toISOString())
const single = fc.oneof(
  fc.tuple(field, conditionOn(scalar, fc.oneof(word, number))),
  fc.tuple(fc.constant('tier'), conditionOn(tier, word)),
  fc.tuple(timeField, conditionOn(fc.option(isoTime), isoTime)),
)
const { filter } = fc.letrec((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'filter' },
    fc.array(single, { maxLength: 3 }).map((fields) => Object.fromEntries(fields)),
    fc.record({ AND: fc.array(tie('filter'), { maxLength: 3, depthIdentifier: 'filter' }) }),
    fc.record({ OR: fc.array(tie('filter'), { maxLength: 3, depthIdentifier: 'filter' }) }),
    fc.record({ NOT: tie('filter') }),
  ),
}))

describe('the condition of a filter for the store', () => {
  it('admits exactly the memories that the filter accepts', () => {
    let defined = 0
    fc.assert(
      fc.property(payload, filter, (stored, given) => {
        const { accepts, where } = compileFilter(given)
        if (!where) return
        defined += 1
        const asStored = JSON.parse(JSON.stringify(stored)) as JsonObject
        const { memory } = readMemory({ id: stored.id, payload: asStored })
        expect(meets(asStored, where)).toBe(accepts(memory))
      }),
      { numRuns: 5_000 },
    )
    expect(defined).toBeGreaterThan(2_000)
  })

  it('compares a field with a value per source with whole values', () => {
    const { where } = compileFilter({ conversation_id: { contains: 'c' } })
    const said = (id: string) => ({ sources: [{ conversation_id: id }] })
    expect(['c', 'c-1'].map((id) => where && meets(said(id), where))).toEqual([true, false])
  })

  it.each([
    { 'metadata.x': null },
    { 'metadata.x': { ne: null } },
    { 'metadata.x': [null, 'a'] },
    { 'metadata.x': 'a', turn: { gte: 2 }, at: { lt: '2026-03-01' } },
    { NOT: { OR: [{ memory: { contains: 'a' } }, { conversation_id: 'c' }] } },
    { expires_at: { exists: false } },
    { tier: ['short', 'mid'] },
    { tier: { ne: 'long' } },
  ])('exists for %j, so that a large scope is searched completely', (given) => {
    expect(compileFilter(given).where).toBeDefined()
  })
})
