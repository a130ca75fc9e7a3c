import { describe, expect, it } from 'vitest'
import { compileFilter } from '../../../sidecar/memory/model/filters.ts'
import type { Memory } from '../../../sidecar/memory/model/memory.ts'
import { createGates, passesAll, windowGate } from '../../../sidecar/retrieval/gates.ts'

const source = { turn_id: 't', conversation_id: 'c', turn: 3, ordinal: 0, at: 0 }
const memory: Memory = {
  id: 'm',
  text: 'Ada likes tea.',
  role: 'user',
  speaker: 'Ada',
  agent_id: 'a',
  run_id: null,
  app_id: 'p',
  metadata: {},
  kind: 'verbatim',
  topic: null,
  sub_topic: null,
  importance: null,
  event_date: null,
  version: 1,
  valid_from: 0,
  expires_at: 100,
  context: null,
  sources: [source, { ...source, turn_id: 'u', conversation_id: 'd', turn: null }],
  order: 0,
  created_at: 0,
  updated_at: 0,
}

describe('the gates of a read', () => {
  it('are those that the request names, in a fixed order', () => {
    const names = (conditions: object) => createGates({ now: 0, ...conditions }).map(({ name }) => name)
    expect(names({})).toEqual(['expired'])
    expect(
      names({ filter: compileFilter({}), conversationId: 'c', appId: 'p', runId: 'r', agentId: 'a' }),
    ).toEqual(['expired', 'agent_id', 'run_id', 'app_id', 'conversation_id', 'filters'])
  })

  it.each([
    [{ now: 99 }, true],
    [{ now: 100 }, false],
    [{ now: 0, agentId: 'a' }, true],
    [{ now: 0, agentId: '*' }, false],
    [{ now: 0, runId: '' }, false],
    [{ now: 0, appId: 'p', conversationId: 'd' }, true],
    [{ now: 0, conversationId: 'e' }, false],
    [{ now: 0, filter: compileFilter({ OR: [] }) }, false],
  ])('with conditions %j accept the memory: %s', (conditions, passes) => {
    expect(passesAll(createGates(conditions), memory)).toBe(passes)
  })

  it('accept a memory without an expiry date at any time', () => {
    const [expired] = createGates({ now: Number.MAX_SAFE_INTEGER })
    expect(expired?.passes({ ...memory, expires_at: null })).toBe(true)
  })

  it('reject a memory as shown by the window only if all its sources are in the window', () => {
    const shown = { ...memory, sources: [source] }
    const passes = (one: Memory, turn: number, size: number) => windowGate('c', turn, size).passes(one)
    expect([passes(shown, 4, 2), passes(shown, 5, 2), passes(shown, 5, 3), passes(shown, 3, 9)]).toEqual([
      false,
      true,
      false,
      false,
    ])
    expect(passes(memory, 4, 2)).toBe(true)
    expect(passes({ ...memory, sources: [{ ...source, turn: null }] }, 4, 2)).toBe(true)
    expect(windowGate('d', 4, 2).passes(shown)).toBe(true)
  })
})
