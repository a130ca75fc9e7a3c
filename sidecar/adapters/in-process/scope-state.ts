import { LRUCache } from 'lru-cache'
import {
  type Counters,
  MAX_TURNS,
  type ScopeState,
  type StoredBlock,
  type TurnSeen,
} from '../../ports/scope-state.ts'
import { boundedTo } from '../../text/lru.ts'

export interface InProcessScopeStateOptions {
  /** Most entries of each kind: blocks, counters, conversations. */
  maxEntries: number
  /** Most bytes of blocks with their keys held at once (UTF-16: two bytes per code unit). */
  maxBytes: number
  /** Milliseconds from the last note until the turns of a conversation expire. */
  turnsTtlMs?: number
  /** Epoch milliseconds; injected by tests. */
  now?: () => number
}

interface Block extends StoredBlock {
  fence: number
  expiresAt: number
}

const WEEK_MS = 7 * 86_400_000

/** Most concurrent leases. At the limit, a further lease is refused as if another holder had it. */
const MAX_LEASES = 10_000

/** The embedded scope state: bounded by count and size, lost with the process. Each method is atomic. */
export function createInProcessScopeState(options: InProcessScopeStateOptions): ScopeState {
  const { maxEntries, maxBytes, turnsTtlMs = WEEK_MS, now = Date.now } = options
  const bound = boundedTo(maxEntries)
  const counted = new LRUCache<string, Counters>(bound)
  // Without `max`, for which lru-cache allocates memory for all entries at once.
  const blocks = new LRUCache<string, Block>({
    maxSize: maxBytes,
    sizeCalculation: ({ value }, key) => sizeOf(key, value),
  })
  const conversations = new LRUCache<string, { turns: Map<number, TurnSeen>; expiresAt: number }>(bound)
  /** The counted calls of a conversation with their turns, in the order of counting. */
  const counts = new LRUCache<string, { calls: Map<string, number>; expiresAt: number }>(bound)
  const leases = new Map<string, { expiresAt: number }>()
  /** Greatest counter value so far; a counter that was evicted restarts above it, also when the clock goes back. */
  let greatest = 0

  function countersOf(scope: string): Counters {
    const known = counted.get(scope)
    if (known) return known
    greatest = Math.max(Math.floor(now() * 1000), greatest + 1)
    const begun = { epoch: greatest, fence: greatest }
    counted.set(scope, begun)
    return begun
  }

  function move(scope: string, what: 'epoch' | 'fence'): Counters {
    const { epoch, fence } = countersOf(scope)
    const moved = { epoch: epoch + 1, fence: what === 'fence' ? fence + 1 : fence }
    greatest = Math.max(greatest, moved.epoch, moved.fence)
    counted.set(scope, moved)
    return moved
  }

  function turnsOf(name: string): Map<number, TurnSeen> {
    const known = conversations.get(name)
    return known && now() < known.expiresAt ? known.turns : new Map()
  }

  /** Keeps the latest note of each turn, and the latest turns. */
  const noteTurn: ScopeState['noteTurn'] = async (scope, conversation, turn, what, at) => {
    const name = nameOf(scope, conversation)
    const turns = turnsOf(name)
    const seen = turns.get(turn) ?? { turn, recalledAt: null, addedAt: null }
    const field = what === 'recalled' ? 'recalledAt' : 'addedAt'
    turns.set(turn, { ...seen, [field]: Math.max(at, seen[field] ?? at) })
    if (turns.size > MAX_TURNS) turns.delete(Math.min(...turns.keys()))
    conversations.set(name, { turns, expiresAt: now() + turnsTtlMs })
  }

  return {
    kind: 'in-process',
    counters: async (scope) => countersOf(scope),
    bump: async (scope, what) => move(scope, what),
    async read(scope, key, recalled) {
      if (recalled) void noteTurn(scope, recalled.conversation, recalled.turn, 'recalled', recalled.at)
      const counters = countersOf(scope)
      const name = nameOf(scope, key)
      const block = blocks.get(name)
      if (!block) return { counters, block: undefined }
      const { value, storedAt, fence, expiresAt } = block
      if (now() < expiresAt && fence === counters.fence) return { counters, block: { value, storedAt } }
      blocks.delete(name)
      if (fence === counters.fence) return { counters, block: undefined }
      return { counters, block: undefined, isFenced: true }
    },
    async fill(scope, key, value, ttlMs, expected) {
      const name = nameOf(scope, key)
      const size = sizeOf(name, value)
      if (size > maxBytes) throw new RangeError(`block: expected at most ${maxBytes} bytes, got ${size}`)
      const { fence } = countersOf(scope)
      if (fence !== expected.fence) return false
      const storedAt = now()
      blocks.set(name, { value, storedAt, fence, expiresAt: storedAt + ttlMs })
      if (blocks.size > maxEntries) blocks.pop()
      return true
    },
    async clear(scope) {
      const counters = move(scope, 'fence')
      const prefix = nameOf(scope, '')
      for (const held of [blocks, conversations, counts]) {
        for (const name of [...held.keys()]) if (name.startsWith(prefix)) held.delete(name)
      }
      return counters
    },
    async lease(scope, key, ttlMs) {
      const name = nameOf(scope, key)
      const held = leases.get(name)
      if (held && now() < held.expiresAt) return undefined
      if (leases.size >= MAX_LEASES) {
        for (const [other, { expiresAt }] of leases) if (now() >= expiresAt) leases.delete(other)
        if (leases.size >= MAX_LEASES) return undefined
      }
      const mine = { expiresAt: now() + ttlMs }
      leases.set(name, mine)
      return {
        async release() {
          if (leases.get(name) === mine) leases.delete(name)
        },
      }
    },
    noteTurn,
    async countTurn(scope, conversation, call, least) {
      const name = nameOf(scope, conversation)
      const known = counts.get(name)
      const calls = known && now() < known.expiresAt ? known.calls : new Map<string, number>()
      const turn = calls.get(call) ?? Math.max(least, ([...calls.values()].at(-1) ?? 0) + 1)
      calls.set(call, turn)
      if (calls.size > MAX_TURNS) calls.delete(calls.keys().next().value as string)
      counts.set(name, { calls, expiresAt: now() + turnsTtlMs })
      return turn
    },
    async turns(scope, conversation) {
      const turns = [...turnsOf(nameOf(scope, conversation)).values()]
      return turns.sort((a, b) => a.turn - b.turn)
    },
    async check() {},
    async close() {
      for (const held of [blocks, conversations, counts, counted, leases]) held.clear()
    },
  }
}

/** Unambiguous for any scope and key. */
function nameOf(scope: string, key: string): string {
  return `${scope.length}:${scope}/${key}`
}

function sizeOf(name: string, value: string): number {
  return 2 * (name.length + value.length) + 96
}
