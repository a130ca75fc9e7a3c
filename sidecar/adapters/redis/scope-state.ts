import { randomUUID } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Counters, ScopeState, StoredBlock, TurnSeen } from '../../ports/scope-state.ts'
import { boundedTo } from '../../text/lru.ts'
import { assertSize, type RedisCacheOptions, wholeMs } from './cache.ts'
import { checkWritable, ignoreUnavailable } from './connection.ts'
import { assertWellFormed, scopeKeys } from './keys.ts'
import * as scripts from './scope-state-scripts.ts'
import { runScript } from './scripts.ts'

/** Scopes whose last counters this process remembers. */
const MAX_SEEN = 10_000
/** Keys that one script deletes. */
const DROP_AT_ONCE = 500

/** Scope state shared by several sidecars through Redis. Expiry follows the clock of Redis. */
export function createRedisScopeState(options: RedisCacheOptions): ScopeState {
  const { connection, keyPrefix, maxValueBytes, now = Date.now } = options
  const seen = new LRUCache<string, Counters>(boundedTo(MAX_SEEN))
  /** Greatest counter that this process ever saw. New counters start above it even if the clock of Redis went back. */
  let greatest = 0

  const keysOf = (scope: string) => scopeKeys(keyPrefix, scope)

  function run(script: string, keys: readonly string[], args: readonly (string | number)[]) {
    return connection.run((client) => runScript(client, script, keys, args))
  }

  /** Runs a script that starts with `COUNTERS` and returns them first. */
  async function counted(
    script: string,
    scope: string,
    keys: readonly string[] = [],
    args: readonly (string | number)[] = [],
  ): Promise<{ counters: Counters; rest: unknown[] }> {
    const last = seen.get(scope) ?? { epoch: 0, fence: 0 }
    const sent = [last.epoch, last.fence, greatest, ...args]
    const answer = await run(script, [keysOf(scope).counters, ...keys], sent)
    const [epoch, fence, ...rest] = answer as [string, string, ...unknown[]]
    const counters = { epoch: Number(epoch), fence: Number(fence) }
    greatest = Math.max(greatest, counters.epoch, counters.fence)
    // Replies over several connections may be out of order, so the greater counters win.
    const known = seen.peek(scope) ?? counters
    seen.set(scope, {
      epoch: Math.max(counters.epoch, known.epoch),
      fence: Math.max(counters.fence, known.fence),
    })
    return { counters, rest }
  }

  return {
    kind: connection.kind,
    async counters(scope) {
      return (await counted(scripts.READ_COUNTERS, scope)).counters
    },
    async bump(scope, what) {
      return (await counted(scripts.BUMP, scope, [], [what])).counters
    },
    async read(scope, key, recalled) {
      const of = keysOf(scope)
      const name = of.keyOf(of.block(key))
      const noteKeys = recalled ? [of.keyOf(of.turns(recalled.conversation)), of.index] : []
      const noteArgs = recalled ? [recalled.turn, Math.floor(recalled.at)] : []
      const { counters, rest } = await counted(scripts.READ, scope, [name, ...noteKeys], noteArgs)
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
      const { rest } = await counted(scripts.FILL, scope, [name, of.index], args)
      return rest[0] === 1
    },
    async clear(scope) {
      const of = keysOf(scope)
      const { counters, rest } = await counted(scripts.CLEAR, scope, [of.index])
      // The fence already invalidates these blocks; a concurrent fill may be deleted with them.
      const members = rest[0] as string[]
      for (let i = 0; i < members.length; i += DROP_AT_ONCE) {
        const some = members.slice(i, i + DROP_AT_ONCE)
        await run(scripts.DROP, [of.index, ...some.map(of.keyOf)], some)
      }
      return counters
    },
    async lease(scope, key, ttlMs) {
      const name = keysOf(scope).lease(key)
      const token = randomUUID()
      // A lease that cannot be released expires.
      const release = async () => void (await run(scripts.RELEASE, [name], [token]).catch(ignoreUnavailable))
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
      await run(scripts.NOTE_TURN, [of.keyOf(of.turns(conversation)), of.index], [what, turn, Math.floor(at)])
    },
    async countTurn(scope, conversation, call, least) {
      const of = keysOf(scope)
      const keys = [of.keyOf(of.count(conversation)), of.index]
      return Number(await run(scripts.COUNT_TURN, keys, [assertWellFormed('call', call), least]))
    },
    async turns(scope, conversation) {
      const of = keysOf(scope)
      const name = of.keyOf(of.turns(conversation))
      const turns = Object.entries(await connection.run((client) => client.hgetall(name)))
      return turns.map(toTurn).sort((a, b) => a.turn - b.turn)
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
