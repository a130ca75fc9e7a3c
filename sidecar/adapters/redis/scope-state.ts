import { randomUUID } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Counters, ScopeState, StoredBlock, TurnSeen } from '../../ports/scope-state.ts'
import { assertSize, type RedisCacheOptions, wholeMs } from './cache.ts'
import { checkWritable, ignoreUnavailable } from './connection.ts'
import { assertWellFormed, scopeKeys } from './keys.ts'
import {
  BUMP,
  CLEAR,
  DROP,
  FILL,
  NOTE_TURN,
  READ,
  READ_AND_NOTE,
  READ_COUNTERS,
  RELEASE,
} from './scope-state-scripts.ts'

/** Scopes whose last counters this process remembers. */
const MAX_SEEN = 10_000

/** Keys that one script deletes. */
const DROP_AT_ONCE = 500

/** Scope state shared by several sidecars through Redis. Expiry follows the clock of Redis. */
export function createRedisScopeState(options: RedisCacheOptions): ScopeState {
  const { connection, keyPrefix, maxValueBytes, now = Date.now } = options
  const seen = new LRUCache<string, Counters>({ max: MAX_SEEN })
  /** Greatest counter that this process ever saw. New counters start above it even if the clock of Redis went back. */
  let greatest = 0

  const keysOf = (scope: string) => scopeKeys(keyPrefix, scope)

  function run(
    script: string,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    return connection.run((client) => client.eval(script, keys.length, ...keys, ...args))
  }

  /** Runs a script that starts with `COUNTERS` and returns them first. */
  async function counted(
    script: string,
    scope: string,
    keys: readonly string[] = [],
    args: readonly (string | number)[] = [],
  ): Promise<{ counters: Counters; rest: unknown[] }> {
    const last = seen.get(scope) ?? { epoch: 0, fence: 0 }
    const known = [last.epoch, last.fence, greatest]
    const answer = await run(script, [keysOf(scope).counters, ...keys], [...known, ...args])
    const [epoch, fence, ...rest] = answer as [string, string, ...unknown[]]
    const counters = { epoch: Number(epoch), fence: Number(fence) }
    remember(scope, counters)
    return { counters, rest }
  }

  /** Replies over several connections may be out of order, so the greater counters win. */
  function remember(scope: string, { epoch, fence }: Counters): void {
    greatest = Math.max(greatest, epoch, fence)
    const last = seen.peek(scope)
    if (last?.epoch === epoch && last.fence === fence) return
    seen.set(scope, { epoch: Math.max(epoch, last?.epoch ?? 0), fence: Math.max(fence, last?.fence ?? 0) })
  }

  return {
    kind: connection.kind,
    async counters(scope) {
      return (await counted(READ_COUNTERS, scope)).counters
    },
    async bump(scope, what) {
      return (await counted(BUMP, scope, [], [what])).counters
    },
    async read(scope, key, recalled) {
      const of = keysOf(scope)
      const name = of.keyOf(of.block(key))
      const { counters, rest } = recalled
        ? await counted(
            READ_AND_NOTE,
            scope,
            [name, of.keyOf(of.turns(recalled.conversation)), of.index],
            [recalled.turn, Math.floor(recalled.at)],
          )
        : await counted(READ, scope, [name])
      const text = rest[0] as string | null
      if (text === null) return { counters, block: undefined }
      const found = decodeBlock(text)
      if (found?.fence !== counters.fence) return { counters, block: undefined, isFenced: true }
      return { counters, block: found.block }
    },
    async fill(scope, key, value, ttlMs, expected) {
      const of = keysOf(scope)
      const member = of.block(key)
      const name = of.keyOf(member)
      const text = encodeBlock({ value: assertWellFormed('value', value), storedAt: now() }, expected.fence)
      assertSize('block', [name, text], maxValueBytes)
      const args = [expected.fence, text, wholeMs(ttlMs), member]
      const { rest } = await counted(FILL, scope, [name, of.index], args)
      return rest[0] === 1
    },
    async clear(scope) {
      const of = keysOf(scope)
      const { counters, rest } = await counted(CLEAR, scope, [of.index])
      // The fence already invalidates these blocks; a concurrent fill may be deleted with them.
      const members = rest[0] as string[]
      for (let i = 0; i < members.length; i += DROP_AT_ONCE) {
        const some = members.slice(i, i + DROP_AT_ONCE)
        await run(DROP, [of.index, ...some.map(of.keyOf)], some)
      }
      return counters
    },
    async lease(scope, key, ttlMs) {
      const name = keysOf(scope).lease(key)
      const token = randomUUID()
      // A lease that cannot be released expires.
      const release = async () => void (await run(RELEASE, [name], [token]).catch(ignoreUnavailable))
      try {
        const taken = await connection.run((client) => client.set(name, token, 'PX', wholeMs(ttlMs), 'NX'))
        return taken === 'OK' ? { release } : undefined
      } catch (error) {
        // The lease may have been granted although the reply is lost.
        void release()
        throw error
      }
    },
    async noteTurn(scope, conversation, turn, what, at) {
      const of = keysOf(scope)
      await run(NOTE_TURN, [of.keyOf(of.turns(conversation)), of.index], [what, turn, Math.floor(at)])
    },
    async turns(scope, conversation) {
      const of = keysOf(scope)
      const name = of.keyOf(of.turns(conversation))
      const held = await connection.run((client) => client.hgetall(name))
      return Object.entries(held)
        .map(toTurn)
        .sort((a, b) => a.turn - b.turn)
    },
    check: () => checkWritable(connection, `${keyPrefix}{}check`),
    async close() {
      connection.close()
    },
  }
}

function toTurn([turn, times]: [string, string]): TurnSeen {
  const [recalled, added] = times.split(':')
  const timeOf = (text: string | undefined) => (text ? Number(text) : null)
  return { turn: Number(turn), recalledAt: timeOf(recalled), addedAt: timeOf(added) }
}

/** A block as one string: version, fence, time of storage (base 36), value. Other versions decode to `undefined`. */
function encodeBlock({ value, storedAt }: StoredBlock, fence: number): string {
  return `3${fence}:${storedAt.toString(36)}:${value}`
}

function decodeBlock(text: string): { fence: number; block: StoredBlock } | undefined {
  const [head, fence, storedAt = ''] = /^3(\d{1,16}):([0-9a-z]{1,11}):/.exec(text) ?? []
  if (head === undefined) return undefined
  const block = { value: text.slice(head.length), storedAt: Number.parseInt(storedAt, 36) }
  return { fence: Number(fence), block }
}
