import { describe, expect, it } from 'vitest'
import { compileFilter } from '../../../sidecar/memory/model/filters.ts'
import type { Memory } from '../../../sidecar/memory/model/memory.ts'

const AT = Date.parse('2026-03-01T09:00:00Z')

const memory: Memory = {
  id: 'm1',
  text: 'Ada likes 100% tea*',
  role: 'user',
  speaker: 'Ada',
  agent_id: 'agent',
  run_id: null,
  app_id: null,
  metadata: {
    channel: 'web',
    n: 0,
    yes: false,
    nothing: null,
    tags: ['a', 'b', 3],
    holes: [null],
    star: '*',
    empty: '',
  },
  kind: 'verbatim',
  topic: 'preferences',
  sub_topic: null,
  importance: 4,
  event_date: '2026-02',
  version: 3,
  valid_from: AT,
  expires_at: null,
  context: null,
  sources: [
    { turn_id: 't1', conversation_id: 'c1', turn: 2, ordinal: 0, at: AT },
    { turn_id: 't2', conversation_id: 'c2', turn: 9, ordinal: 0, at: AT + 1000 },
  ],
  order: 1,
  created_at: AT,
  updated_at: AT,
}

const HOLDS: [filter: unknown, holds: boolean][] = [
  [{}, true],
  [{ 'metadata.channel': 'web' }, true],
  [{ 'metadata.channel': 'WEB' }, false],
  [{ 'metadata.channel': '*' }, false],
  [{ 'metadata.channel': { contains: '*' } }, false],
  [{ 'metadata.star': '*' }, true],
  [{ memory: { contains: '100%' } }, true],
  [{ memory: { contains: '1__%' } }, false],
  [{ 'metadata.n': 0 }, true],
  [{ 'metadata.n': false }, false],
  [{ 'metadata.n': '0' }, false],
  [{ 'metadata.empty': '' }, true],
  [{ 'metadata.nothing': null }, true],
  [{ 'metadata.absent': null }, true],
  [{ 'metadata.nothing': { exists: true } }, false],
  [{ 'metadata.absent': { exists: false } }, true],
  [{ 'metadata.n': { exists: true } }, true],
  [{ 'metadata.yes': { exists: true } }, true],
  [{ 'metadata.empty': { exists: true } }, true],
  [{ 'metadata.tags': 'a' }, true],
  [{ 'metadata.tags': { contains: 3 } }, true],
  [{ memory: { icontains: '100% TEA' } }, true],
  [{ memory: { icontains: 'loss' } }, false],
  [{ importance: { icontains: '1' } }, false],
  [{ 'metadata.tags': { contains: '3' } }, false],
  [{ 'metadata.tags': { nin: ['a'] } }, false],
  [{ 'metadata.holes': null }, false],
  [{ 'metadata.holes': { ne: null } }, true],
  [{ 'metadata.holes': { exists: true } }, true],
  [{ 'metadata.channel': ['app', 'web'] }, true],
  [{ 'metadata.channel': [] }, false],
  [{ 'metadata.channel': { nin: [] } }, true],
  [{ 'metadata.channel': { ne: 'web' } }, false],
  [{ 'metadata.absent': { ne: 'web' } }, true],
  [{ 'metadata.n': { gte: 0, lt: 1 } }, true],
  [{ 'metadata.n': { gte: 0, lt: 0 } }, false],
  [{ 'metadata.n': { lt: '1' } }, false],
  [{ 'metadata.channel': { gt: 'wea', lt: 'wec' } }, true],
  [{ 'metadata.absent': { lt: 1 } }, false],
  [{ turn: 9 }, true],
  [{ turn: { gt: 9 } }, false],
  [{ conversation_id: 'c2' }, true],
  [{ conversation_id: { ne: 'c2' } }, false],
  [{ conversation_id: null }, false],
  [{ run_id: null }, true],
  [{ agent_id: 'agent', role: 'user', speaker: 'Ada', kind: 'verbatim', id: 'm1' }, true],
  [{ at: '2026-03-01T18:00:00+09:00' }, true],
  [{ at: { gte: '2026-03-01' } }, true],
  [{ created_at: { lt: '2026-03-01T09:00:00Z' } }, false],
  [{ tier: 'long' }, true],
  [{ tier: ['short', 'mid'] }, false],
  [{ topic: 'preferences', sub_topic: null }, true],
  [{ topic: { ne: 'preferences' } }, false],
  [{ sub_topic: { exists: false } }, true],
  [{ importance: { gte: 4 } }, true],
  [{ importance: { gt: 4 } }, false],
  [{ importance: '4' }, false],
  [{ event_date: { gte: '2026', lt: '2026-03' } }, true],
  [{ event_date: { contains: '2025' } }, false],
  [{ version: { gt: 1 } }, true],
  [{ valid_from: { lte: '2026-03-01T09:00:00Z' } }, true],
  [{ valid_from: { lt: '2026-03-01T09:00:00Z' } }, false],
  [{ expires_at: null }, true],
  [{ expires_at: { exists: true } }, false],
  [{ expires_at: { lt: '2100-01-01' } }, false],
  [{ AND: [] }, true],
  [{ OR: [] }, false],
  [{ NOT: {} }, false],
  [{ AND: [{ turn: 2 }, { turn: 9 }] }, true],
  [{ OR: [{ turn: 3 }, { turn: 9 }], role: 'assistant' }, false],
  [{ NOT: { OR: [{ turn: 3 }, { role: 'assistant' }] } }, true],
  // Inherited properties are not metadata.
  [{ 'metadata.constructor': { exists: true } }, false],
  [{ 'metadata.__proto__': { exists: true } }, false],
  [{ 'metadata.toString': null }, true],
]

const REFUSED: [filter: unknown, message: RegExp][] = [
  [[], /^filters: expected an object, got an array of 0$/],
  [null, /^filters: expected an object, got null$/],
  ['x', /^filters: expected an object, got "x"$/],
  [{ colour: 1 }, /^filters\.colour: expected metadata\.<key>, AND, OR, NOT or one of id, .*, got "colour"$/],
  [JSON.parse('{"__proto__":1}'), /^filters\.__proto__: expected metadata/],
  [{ constructor: 1 }, /^filters\.constructor: expected metadata/],
  [{ and: [] }, /^filters\.and: expected metadata\.<key>, AND/],
  [{ turn: { constructor: 1 } }, /^filters\.turn: expected one of the operators eq, .*, got "constructor"$/],
  [
    { turn: JSON.parse('{"__proto__":1}') },
    /^filters\.turn: expected one of the operators .*, got "__proto__"$/,
  ],
  [{ AND: {} }, /^filters\.AND: expected a list of filters, got an object$/],
  [{ OR: [{ turn: 1 }, 7] }, /^filters\.OR\[1\]: expected an object, got 7$/],
  [{ NOT: { AND: [{ turn: { near: 1 } }] } }, /^filters\.NOT\.AND\[0\]\.turn: expected one of the operators/],
  [{ turn: { in: 1 } }, /^filters\.turn\.in: expected a list of at most 1000 values, got 1$/],
  [
    { turn: { nin: Array(1001).fill(1) } },
    /^filters\.turn\.nin: expected a list of at most 1000 values, got an array of 1001$/,
  ],
  [{ turn: Array(1001).fill(1) }, /^filters\.turn\.in: expected a list of at most 1000 values/],
  [
    { turn: { in: [1, {}] } },
    /^filters\.turn\.in\[1\]: expected a string, number, boolean or null, got an object$/,
  ],
  [{ turn: { gt: null } }, /^filters\.turn\.gt: expected a number or a string, got null$/],
  [{ turn: { gt: true } }, /^filters\.turn\.gt: expected a number or a string, got true$/],
  [{ turn: { exists: 'yes' } }, /^filters\.turn\.exists: expected true or false, got "yes"$/],
  [{ at: { gt: 5 } }, /^filters\.at\.gt: expected an ISO 8601 time, got 5$/],
  [{ at: { gt: '5' } }, /^filters\.at\.gt: expected an ISO 8601 time, got "5"$/],
  [{ at: 'March 1, 2026' }, /^filters\.at\.eq: expected an ISO 8601 time, got "March 1, 2026"$/],
  [{ expires_at: { lt: 5 } }, /^filters\.expires_at\.lt: expected an ISO 8601 time, got 5$/],
  [{ valid_from: 'soon' }, /^filters\.valid_from\.eq: expected an ISO 8601 time, got "soon"$/],
  [{ at: '2026-13-01' }, /^filters\.at\.eq: expected an ISO 8601 time, got "2026-13-01"$/],
  [
    { OR: Array(65).fill({ turn: 1 }) },
    /^filters\.OR\[\d+\].*: expected at most 64 conditions in one filter$/,
  ],
  [
    Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`metadata.k${i}`, 1])),
    /^filters: expected at most 64 conditions in one filter$/,
  ],
  [{ OR: Array(10_000).fill({}) }, /^filters\.OR\[\d+\]: expected at most 64 conditions in one filter$/],
]

describe('a filter', () => {
  it.each(HOLDS)('%j holds: %s', (filter, holds) => {
    expect(compileFilter(filter).accepts(memory)).toBe(holds)
  })

  it.each(REFUSED)('%j is rejected with the path of the error', (filter, message) => {
    expect(() => compileFilter(filter)).toThrow(
      expect.objectContaining({ code: 'invalid_request', message: expect.stringMatching(message) }),
    )
  })

  it('nests at most eight levels', () => {
    const nested = (levels: number): object => (levels === 1 ? { turn: 2 } : { AND: [nested(levels - 1)] })
    expect(compileFilter(nested(8)).accepts(memory)).toBe(true)
    expect(() => compileFilter(nested(9))).toThrow(
      /^filters(\.AND\[0\]){8}: expected at most 8 levels of nesting$/,
    )
  })
})
