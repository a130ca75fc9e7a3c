import { randomUUID } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { CacheUnavailable } from '../../ports/cache-store.ts'
import type { Counters, ScopeState, TurnSeen } from '../../ports/scope-state.ts'
import { KIND, type RedisCacheOptions, wellFormed } from './cache.ts'
import { linkRedis } from './connection.ts'
import { decodeBlock, encodeBlock, type ReadBlock, scopeKeys } from './scope-block.ts'
import {
  type Argument,
  BUMP,
  CLEAR,
  DROP,
  FILL,
  NOTE_TURN,
  READ,
  READ_AND_NOTE,
  READ_COUNTERS,
  RELEASE,
  runScript,
  type Script,
} from './scope-state-scripts.ts'

type Keys = ReturnType<typeof scopeKeys>

/** Epoch and fence as they are, and a block, or 1 for the one that was read before. */
type BlockAnswer = readonly [epoch: string | null, fence: string | null, block: string | 1 | null]

/** Scopes whose counters are remembered in this process. */
const MAX_SEEN = 10_000

/** Most bytes of blocks that are remembered in this process. */
const LAST_READ_BYTES = 32 * 1024 * 1024

/** Keys that one script drops. */
const DROP_AT_ONCE = 500

/** The scope state that several sidecars share, on Redis. Redis' clock decides what has ended. */
export function createRedisScopeState(options: RedisCacheOptions): ScopeState {
  const { target, keyPrefix, timeoutMs, maxValueBytes, onState, now = Date.now } = options
  const { link = linkRedis(target, timeoutMs, onState) } = options
  /** Blocks as they were last read, by key: one that is there still is not sent again. */
  const lastRead = new LRUCache<string, ReadBlock>({
    maxSize: LAST_READ_BYTES,
    sizeCalculation: ({ block, head }, name) => 2 * (block.value.length + head.length + name.length) + 96,
  })
  const seen = new LRUCache<string, Counters>({ max: MAX_SEEN })
  /** The greatest counter that this process ever saw: one that begins anew begins above, even if Redis' clock went back. */
  let greatest = 0

  const keysOf = (scope: string) => scopeKeys(keyPrefix, wellFormed('scope', scope))

  function turnsKey(of: Keys, conversation: string): string {
    return of.held(of.turns(wellFormed('conversation', conversation)))
  }

  function run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return link.run((client) => runScript(client, script, keys, args))
  }

  /** Runs a script that begins with the counters and answers them first. */
  async function counted(
    script: Script,
    scope: string,
    keys: readonly string[] = [],
    args: readonly Argument[] = [],
  ): Promise<{ counters: Counters; rest: unknown[] }> {
    const last = seen.get(scope) ?? { epoch: 0, fence: 0 }
    const known = [last.epoch, last.fence, greatest]
    const answer = await run(script, [keysOf(scope).counters, ...keys], [...known, ...args])
    const [epoch, fence, ...rest] = answer as [string, string, ...unknown[]]
    const counters = { epoch: Number(epoch), fence: Number(fence) }
    remember(scope, counters)
    return { counters, rest }
  }

  /** `undefined` for counters that are missing, or less than they were. */
  function asSeen(scope: string, [epochText, fenceText]: BlockAnswer): Counters | undefined {
    const last = seen.get(scope)
    const epoch = Number(epochText ?? Number.NaN)
    const fence = Number(fenceText ?? Number.NaN)
    if (!(epoch >= (last?.epoch ?? 0) && fence >= (last?.fence ?? 0))) return undefined
    remember(scope, { epoch, fence })
    return { epoch, fence }
  }

  /** Answers may come in another order than they were given in, over several connections. */
  function remember(scope: string, { epoch, fence }: Counters): void {
    greatest = Math.max(greatest, epoch, fence)
    const last = seen.peek(scope)
    // Most reads bring nothing new.
    if (last?.epoch === epoch && last.fence === fence) return
    seen.set(scope, { epoch: Math.max(epoch, last?.epoch ?? 0), fence: Math.max(fence, last?.fence ?? 0) })
  }

  return {
    kind: KIND[target.mode],
    async counters(scope) {
      return (await counted(READ_COUNTERS, scope)).counters
    },
    async bump(scope, what) {
      return (await counted(BUMP, scope, [], [what])).counters
    },
    async read(scope, key, recalled) {
      const of = keysOf(scope)
      const name = of.held(of.block(wellFormed('key', key)))
      const before = lastRead.get(name)
      const keys = [of.counters, name]
      const args: Argument[] = [before?.head ?? '']
      if (recalled) {
        keys.push(turnsKey(of, recalled.conversation), of.index)
        args.push(recalled.turn, Math.floor(recalled.at))
      }
      const answer = (await run(recalled ? READ_AND_NOTE : READ, keys, args)) as BlockAnswer
      const counters = asSeen(scope, answer) ?? (await counted(READ_COUNTERS, scope)).counters
      const [, , text] = answer
      if (text === null) return { counters, block: undefined }
      const found = text === 1 ? before : decodeBlock(text)
      if (found?.fence !== counters.fence) return { counters, block: undefined, isFenced: true }
      if (text !== 1) lastRead.set(name, found)
      return { counters, block: { ...found.block } }
    },
    async fill(scope, key, value, ttlMs, expected) {
      const of = keysOf(scope)
      const member = of.block(wellFormed('key', key))
      const name = of.held(member)
      const text = encodeBlock({ value: wellFormed('value', value), storedAt: now() }, expected.fence)
      const size = Buffer.byteLength(name) + Buffer.byteLength(text)
      if (size > maxValueBytes) {
        throw new RangeError(`block: expected at most ${maxValueBytes} bytes, got ${size}`)
      }
      const args = [expected.fence, text, wholeMs(ttlMs), member]
      const { rest } = await counted(FILL, scope, [name, of.index], args)
      return rest[0] === 1
    },
    async clear(scope) {
      const of = keysOf(scope)
      const { counters, rest } = await counted(CLEAR, scope, [of.index])
      // None of them is served any more. What a fill puts there meanwhile may go with them.
      const members = rest[0] as string[]
      for (let i = 0; i < members.length; i += DROP_AT_ONCE) {
        const some = members.slice(i, i + DROP_AT_ONCE)
        await run(DROP, [of.index, ...some.map(of.held)], some)
      }
      return counters
    },
    async lease(scope, key, ttlMs) {
      const name = keysOf(scope).lease(wellFormed('key', key))
      const token = randomUUID()
      // Where it cannot be freed it ends by itself.
      const release = async () => void (await run(RELEASE, [name], [token]).catch(unlessUnavailable))
      try {
        const taken = await link.run((client) => client.set(name, token, 'PX', wholeMs(ttlMs), 'NX'))
        return taken === 'OK' ? { release } : undefined
      } catch (error) {
        // It may be ours although the answer did not come.
        void release()
        throw error
      }
    },
    async noteTurn(scope, conversation, turn, what, at) {
      const of = keysOf(scope)
      await run(NOTE_TURN, [turnsKey(of, conversation), of.index], [what, turn, Math.floor(at)])
    },
    async turns(scope, conversation) {
      const of = keysOf(scope)
      const name = of.held(of.turns(wellFormed('conversation', conversation)))
      const held = await link.run((client) => client.hgetall(name))
      return Object.entries(held)
        .map(toTurn)
        .sort((a, b) => a.turn - b.turn)
    },
    async check() {
      await link.run((client) => client.set(`${keyPrefix}{}check`, '', 'PX', 1000))
    },
    async close() {
      link.close()
    },
  }
}

/** Redis counts whole milliseconds, and at least one. */
function wholeMs(ms: number): number {
  return Math.max(1, Math.floor(ms))
}

function toTurn([turn, times]: [string, string]): TurnSeen {
  const [recalled, added] = times.split(':')
  const timeOf = (text: string | undefined) => (text ? Number(text) : null)
  return { turn: Number(turn), recalledAt: timeOf(recalled), addedAt: timeOf(added) }
}

function unlessUnavailable(error: unknown): void {
  if (!(error instanceof CacheUnavailable)) throw error
}
