import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildGraph, type Version } from '../../../../sidecar/memory/graph/build.ts'
import { holds, neighbourhood } from '../../../../sidecar/memory/graph/neighbourhood.ts'
import type { Graph } from '../../../../sidecar/memory/graph/types.ts'
import type { StoredRelation } from '../../../../sidecar/memory/model/graph.ts'
import { storedMemory } from '../../../helpers/memory.ts'

const NAMES = ['user', 'Ana', 'ANA', 'Bob', 'Robert', "user's sister", 'Osaka', 'Berlin', 'Globex']
const LABELS = ['lives_in', 'works_at', 'sister', 'likes']
const DAY = 86_400_000

const relation = fc.record({
  subject: fc.constantFrom(...NAMES),
  label: fc.constantFrom(...LABELS),
  object: fc.constantFrom(...NAMES.slice(1)),
  object_type: fc.constantFrom('person', 'place', 'name'),
  confidence: fc.constant(0.9),
  recorded_at: fc.constant(0),
})

const version = fc
  .record({
    day: fc.integer({ min: 0, max: 40 }),
    relations: fc.array(relation, { maxLength: 3 }),
    merged: fc.boolean(),
    lasts: fc.option(fc.integer({ min: 0, max: 20 }), { freq: 4 }),
  })
  .map(({ day, relations, merged, lasts }) => ({ day, relations, merged, lasts }))

function toVersions(
  drawn: readonly { day: number; relations: StoredRelation[]; merged: boolean; lasts: number | null }[],
): Version[] {
  return drawn.map(({ day, relations, merged, lasts }, i) => {
    const at = day * DAY
    const source = { turn_id: `t${i}`, conversation_id: 'c', turn: i, ordinal: 0, at }
    const same_as = merged ? { same_as: { name: 'Robert', score: 0.97, at } } : {}
    const mentions = [{ name: 'Bob', type: 'person', ...same_as }]
    const memory = storedMemory({ id: `m${i}`, sources: [source], valid_from: at, relations, mentions })
    return { memory, validUntil: lasts === null ? null : at + lasts * DAY, hasEnded: lasts !== null }
  })
}

function assertSound(graph: Graph, versions: readonly Version[]): void {
  const memories = new Map(versions.map(({ memory }) => [memory.id, memory]))
  for (const entity of graph.entities.values()) {
    expect(entity.mentions.length).toBeGreaterThan(0)
    for (const { memoryId } of entity.mentions) expect(memories.has(memoryId)).toBe(true)
  }
  for (const { subject, object, memoryIds, sources, validFrom, validUntil, ended } of graph.relations) {
    expect(graph.entities.has(subject) && graph.entities.has(object)).toBe(true)
    expect(memoryIds.length).toBeGreaterThan(0)
    for (const { turn_id } of sources) {
      expect(memoryIds.some((id) => memories.get(id)?.sources.some((one) => one.turn_id === turn_id))).toBe(
        true,
      )
    }
    expect(validUntil === null || validFrom <= validUntil).toBe(true)
    expect(validUntil === null).toBe(ended === undefined)
  }
}

/** A graph without what depends on the order of reading. */
function canonical(graph: Graph): unknown {
  const relations = graph.relations.map(({ id, validFrom, validUntil }) => [id, validFrom, validUntil])
  const entities = [...graph.entities.values()].map(({ id, name, mentions }) => [id, name, mentions.length])
  return [relations.map(String).sort(), entities.map(String).sort()]
}

describe('a graph of random memories', () => {
  it('has no entity without a memory and no relation without a live source, whichever memories are deleted', () => {
    fc.assert(
      fc.property(fc.array(version, { maxLength: 8 }), fc.nat(), (drawn, seed) => {
        const versions = toVersions(drawn)
        assertSound(buildGraph('s', versions), versions)
        const left = versions.filter((_, i) => (seed >> i) % 2 === 0)
        assertSound(buildGraph('s', left), left)
      }),
      { numRuns: 100 },
    )
  })

  it('depends on the memories and not on the order in which they are read', () => {
    fc.assert(
      fc.property(fc.array(version, { maxLength: 8 }), (drawn) => {
        const versions = toVersions(drawn)
        expect(canonical(buildGraph('s', versions.toReversed()))).toEqual(
          canonical(buildGraph('s', versions)),
        )
      }),
      { numRuns: 100 },
    )
  })

  it('answers at each time with relations that hold then, and with one home at a time of current memories', () => {
    fc.assert(
      fc.property(fc.array(version, { maxLength: 8 }), fc.integer({ min: 0, max: 60 }), (drawn, day) => {
        const graph = buildGraph('s', toVersions(drawn))
        const asOf = day * DAY
        const { relations } = neighbourhood(graph, [...graph.entities.keys()], { depth: 1, asOf, limit: 99 })
        for (const one of relations) {
          expect(one.validFrom <= asOf && (one.validUntil === null || asOf < one.validUntil)).toBe(true)
        }
        expect(relations).toEqual(graph.relations.filter((one) => holds(one, asOf)))
      }),
      { numRuns: 100 },
    )
  })

  it('is the graph without the merges again once they are taken back', () => {
    fc.assert(
      fc.property(fc.array(version, { maxLength: 6 }), (drawn) => {
        const merged = toVersions(drawn)
        const undone = merged.map(({ memory, ...rest }) => ({
          ...rest,
          memory: {
            ...memory,
            mentions: memory.mentions?.map((one) =>
              one.same_as ? { ...one, same_as: { ...one.same_as, undone_at: 1 } } : one,
            ),
          },
        }))
        const never = toVersions(drawn.map((one) => ({ ...one, merged: false })))
        expect(canonical(buildGraph('s', undone))).toEqual(canonical(buildGraph('s', never)))
      }),
      { numRuns: 100 },
    )
  })
})
