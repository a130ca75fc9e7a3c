import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createInProcessCache } from '../../../../sidecar/adapters/in-process/cache.ts'
import { CacheUnavailable } from '../../../../sidecar/ports/cache-store.ts'
import type { Json } from '../../../../sidecar/ports/records.ts'
import {
  type CacheWrite,
  createAuthorCache,
  DEFAULT_TTL_S,
  type TurnContext,
} from '../../../../sidecar/retrieval/blocks/author-cache.ts'
import { stoppedClock } from '../../../helpers/clock.ts'

function open(maxBytes = 10_000_000) {
  const clock = stoppedClock()
  const store = createInProcessCache({ maxEntries: 100, maxBytes, now: clock.now })
  return { cache: createAuthorCache(store, clock.now), clock, store }
}

type Expected = [status: string, reason: string, ageTurns: number | null, until: number | null]

/** The write, the read and the expected answer. */
const READS: [name: string, set: TurnContext, read: TurnContext, expected: Expected][] = [
  ['a write and a read without turns', {}, {}, ['hit', 'hit', null, null]],
  ['a read at the turn of the write', { turn: 3, windowSize: 5 }, { turn: 3 }, ['hit', 'hit', 0, 7]],
  ['a read at the last turn of the window', { turn: 3, windowSize: 5 }, { turn: 7 }, ['hit', 'hit', 4, 7]],
  [
    'a read after the last turn of the window',
    { turn: 3, windowSize: 5 },
    { turn: 8 },
    ['stale', 'window', 5, 7],
  ],
  ['a read at an earlier turn', { turn: 3, windowSize: 5 }, { turn: 2 }, ['stale', 'window', 0, 7]],
  ['a window size given only at the read', { turn: 3 }, { turn: 7, windowSize: 5 }, ['hit', 'hit', 4, 7]],
  [
    'a smaller window size given only at the read',
    { turn: 3 },
    { turn: 7, windowSize: 4 },
    ['stale', 'window', 4, 6],
  ],
  [
    'a smaller window size at the read than at the write',
    { turn: 3, windowSize: 50 },
    { turn: 7, windowSize: 4 },
    ['stale', 'window', 4, 6],
  ],
  ['no window size', { turn: 3 }, { turn: 900 }, ['hit', 'hit', 897, null]],
  ['no turn at the read', { turn: 3, windowSize: 5 }, {}, ['hit', 'hit', null, 7]],
  ['no turn at the write', { windowSize: 5 }, { turn: 900 }, ['hit', 'hit', null, null]],
  ['window size 0', { turn: 3, windowSize: 0 }, { turn: 3 }, ['stale', 'window', 0, null]],
  ['window size 1', { turn: 3, windowSize: 1 }, { turn: 3 }, ['stale', 'window', 0, null]],
  ['window size 2, same turn', { turn: 3, windowSize: 2 }, { turn: 3 }, ['hit', 'hit', 0, 4]],
  ['window size 2, next turn', { turn: 3, windowSize: 2 }, { turn: 4 }, ['hit', 'hit', 1, 4]],
  ['window size 2, two turns later', { turn: 3, windowSize: 2 }, { turn: 5 }, ['stale', 'window', 2, 4]],
  [
    'the same conversation',
    { conversationId: 'a', turn: 3, windowSize: 5 },
    { conversationId: 'a', turn: 4 },
    ['hit', 'hit', 1, 7],
  ],
  [
    'another conversation',
    { conversationId: 'a', turn: 3, windowSize: 5 },
    { conversationId: 'b', turn: 4 },
    ['stale', 'conversation', null, 7],
  ],
  [
    'another conversation, no turns',
    { conversationId: 'a' },
    { conversationId: 'b' },
    ['stale', 'conversation', null, null],
  ],
  [
    'a conversation given only at the write',
    { conversationId: 'a', turn: 3, windowSize: 5 },
    { turn: 8 },
    ['stale', 'window', 5, 7],
  ],
]

describe('the author cache', () => {
  it.each(READS)(
    'returns the status, age and last turn for %s',
    async (_name, set, read, [status, reason, age_turns, serves_until_turn]) => {
      const { cache, clock } = open()
      await cache.write('ns', 'k', { value: 'v', ...set })
      clock.advance(1499)
      expect(await cache.read('ns', 'k', read)).toEqual({
        status,
        reason,
        value: 'v',
        age_turns,
        age_s: 1,
        serves_until_turn,
      })
    },
  )

  it('returns a miss with null fields for an absent key', async () => {
    const { cache } = open()
    const nothing = { value: null, age_turns: null, age_s: null, serves_until_turn: null }
    expect(await cache.read('ns', 'k', { turn: 1, windowSize: 5 })).toEqual({
      status: 'miss',
      reason: 'absent',
      ...nothing,
    })
  })

  it('replaces value, turn, window size and TTL on a later write', async () => {
    const { cache, clock } = open()
    await cache.write('ns', 'k', { value: 1, turn: 3, windowSize: 5, ttlSeconds: 10 })
    clock.advance(5000)
    await cache.write('ns', 'k', { value: 2, turn: 9, ttlSeconds: 10 })
    clock.advance(9999)
    expect(await cache.read('ns', 'k', { turn: 10 })).toMatchObject({
      status: 'hit',
      value: 2,
      age_turns: 1,
      serves_until_turn: null,
    })
    clock.advance(1)
    expect(await cache.read('ns', 'k', { turn: 10 })).toMatchObject({ status: 'miss', reason: 'absent' })
  })

  it('keeps a value for a day by default and returns its expiry', async () => {
    const { cache, clock } = open()
    const written = await cache.write('ns', 'k', { value: 1, turn: 4, windowSize: 10 })
    expect(written).toEqual({ expiresAt: clock.now() + DEFAULT_TTL_S * 1000, servesUntilTurn: 13 })
    clock.advance(DEFAULT_TTL_S * 1000 - 1)
    expect((await cache.read('ns', 'k', {})).status).toBe('hit')
    clock.advance(1)
    expect((await cache.read('ns', 'k', {})).status).toBe('miss')
  })

  it('returns any JSON value unchanged', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const { cache } = open()
        // Request bodies are parsed JSON, which has no -0.
        const json = JSON.parse(JSON.stringify(value)) as Json
        await cache.write('ns', 'k', { value: json })
        expect((await cache.read('ns', 'k', {})).value).toEqual(json)
      }),
    )
  })

  it.each([
    ['null', null],
    ['false', false],
    ['zero', 0],
    ['the empty string', ''],
    ['an empty list', []],
    ['an empty object', {}],
  ])('takes %s for a value', async (_name, value) => {
    const { cache } = open()
    await cache.write('ns', 'k', { value })
    expect(await cache.read('ns', 'k', {})).toMatchObject({ status: 'hit', value })
  })

  it('separates namespaces whose names and keys contain separators', async () => {
    const { cache } = open()
    const places = [
      ['a', 'b/c'],
      ['a/b', 'c'],
      ['a', 'B/c'],
      ['', 'a/b/c'],
      ['a', '*'],
      ['*', 'a'],
    ] as const
    for (const [namespace, key] of places) await cache.write(namespace, key, { value: `${namespace}|${key}` })
    for (const [namespace, key] of places) {
      expect((await cache.read(namespace, key, {})).value).toBe(`${namespace}|${key}`)
    }
    expect(await cache.remove('a', 'b/c')).toBe(true)
    expect(await cache.remove('a', 'b/c')).toBe(false)
    expect((await cache.read('a/b', 'c', {})).status).toBe('hit')
  })

  it('rejects a value larger than the cache with payload_too_large', async () => {
    const { cache } = open(2000)
    await cache.write('ns', 'other', { value: 'kept' })
    await expect(cache.write('ns', 'k', { value: 'x'.repeat(2000) })).rejects.toMatchObject({
      code: 'payload_too_large',
      message: expect.stringMatching(/cache value: expected at most 2000 bytes, got \d+/),
    })
    expect((await cache.read('ns', 'other', {})).value).toBe('kept')
  })

  it('rejects a value that is nested too deeply to serialize with invalid_request', async () => {
    const { cache } = open()
    let value: Json = 0
    for (let i = 0; i < 100_000; i++) value = [value]
    await expect(cache.write('ns', 'k', { value })).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringMatching(/^value: expected .*nest/),
    })
  })

  it('returns a miss with reason "backend" and rejects writes while the backend is unreachable', async () => {
    const { cache, store } = open()
    await cache.write('ns', 'k', { value: 'v' })
    const away = new CacheUnavailable('timeout', 'redis at 10.0.0.7:6379: no answer in 500 ms')
    const fail = () => Promise.reject(away)
    Object.assign(store, { get: fail, set: fail, delete: fail })
    const nothing = { value: null, age_turns: null, age_s: null, serves_until_turn: null }
    expect(await cache.read('ns', 'k', {})).toEqual({ status: 'miss', reason: 'backend', ...nothing })
    const answer = {
      code: 'backend_unavailable',
      message: 'The cache did not answer (timeout).',
      cause: away,
    }
    await expect(cache.write('ns', 'k', { value: 'w' })).rejects.toMatchObject(answer)
    await expect(cache.remove('ns', 'k')).rejects.toMatchObject(answer)
  })

  it('rethrows errors that are not CacheUnavailable', async () => {
    const { cache, store } = open()
    store.get = () => Promise.reject(new TypeError('a mistake'))
    await expect(cache.read('ns', 'k', {})).rejects.toThrow(TypeError)
  })

  it.each(['', 'hello', '{"value":', 'null', '[]', '{"turn":3}'])(
    'treats %j, stored by another program, as absent',
    async (text) => {
      const { cache, store } = open()
      await store.set('author/ns/k', text, 1000)
      expect(await cache.read('ns', 'k', {})).toMatchObject({ status: 'miss', reason: 'absent' })
    },
  )

  it('does not confuse fields of the value with its own metadata', async () => {
    const { cache } = open()
    const value: CacheWrite['value'] = { value: 1, turn: 99, windowSize: 99, conversationId: 'x' }
    await cache.write('ns', 'k', { value, turn: 3, windowSize: 5 })
    expect(await cache.read('ns', 'k', { turn: 8 })).toMatchObject({
      status: 'stale',
      value,
      serves_until_turn: 7,
    })
  })
})
