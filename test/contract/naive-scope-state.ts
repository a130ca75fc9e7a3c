import { type Counters, MAX_TURNS, type ScopeState, type TurnSeen } from '../../sidecar/ports/scope-state.ts'
import type { Clock } from '../helpers/clock.ts'
import { MAX_BYTES, MAX_ENTRIES, type ScopeStateSubject } from './scope-state-subject.ts'

const CLEARS = 'clears the blocks and turns of one scope only, and moves its fence'
const BEGINS = 'starts counters at the clock in microseconds and moves them only with a change'
const LOST = 'restarts lost counters above all previous values'
const BLOCK = 'reads a block with its time of storage and the current counters'
const FENCED = 'hides a block from before a fence and reports it as fenced'
const MOVES = 'moves the epoch with a change, and both counters with a fence'

/** Faults of the naive adapter, with the case that detects each. */
export const CAUGHT_BY = {
  'an evicted counter begins at 0': LOST,
  'an evicted counter begins at the clock alone': LOST,
  'a read moves nothing into place, so that missing counters differ each time': BEGINS,
  'a fill ignores the fence': 'rejects a block whose construction started before a fence',
  'a fill compares the epoch': 'stores a block whose construction started before an epoch change',
  'a read ignores the fence': FENCED,
  'a block from before the fence is as good as none': FENCED,
  'a read is two reads': 'reads a block and its counters atomically',
  'a bump is a read and a write': 'counts every one of many concurrent changes',
  'a fence leaves the epoch': MOVES,
  'a fence is only an epoch': MOVES,
  'a block lives for ever': 'serves a block until its TTL ends',
  'a block is stamped when it is read': BLOCK,
  'the empty block is none': BLOCK,
  'a clear forgets the fence': CLEARS,
  'a clear drops blocks of another scope': CLEARS,
  'a clear keeps the turns': CLEARS,
  'scope and key run together': 'treats scopes and keys as exact strings',
  'a lease is anybody’s to free': 'never releases the lease of another holder',
  'a lease never ends': 'expires a lease when its TTL ends',
  'a lease is checked and then taken': 'grants a lease to one of many concurrent requests',
  'turns are unbounded': 'keeps only the latest turns of a conversation',
  'the first turns are kept': 'keeps only the latest turns of a conversation',
  'the last note of a turn wins': 'keeps the latest of several times of one turn, in any order of arrival',
  'a note is a read and a write': 'stores every one of many concurrent notes',
  'turns stay for ever': 'expires the turns of an idle conversation',
  'blocks are unbounded': 'bounds the number of blocks, least recently used first',
  'an oversize block is dropped in silence': 'rejects a block above the size limit and keeps the others',
  'a read notes nothing': 'notes a recalled turn with a read',
  'a block that was read is not read again': 'reads the block that any process filled last',
}

export type Fault = keyof typeof CAUGHT_BY

const WEEK_MS = 7 * 86_400_000

/** The plainest scope state there is, right but for its faults. */
export function naiveScopeState(clock: Clock, ...faults: readonly Fault[]): ScopeStateSubject {
  const has = (fault: Fault) => faults.includes(fault)
  const counted = new Map<string, Counters>()
  const blocks = new Map<string, { value: string; storedAt: number; fence: number; until: number }>()
  const leases = new Map<string, { until: number }>()
  const notes = new Map<string, { turns: Map<number, TurnSeen>; until: number }>()
  const firstRead = new Map<string, { value: string; storedAt: number }>()
  let greatest = 0
  const name = (scope: string, key: string) =>
    has('scope and key run together') ? `${scope}/${key}` : JSON.stringify([scope, key])

  function countersOf(scope: string): Counters {
    const known = counted.get(scope)
    if (known) return known
    const micros = clock.now() * 1000
    const above = has('an evicted counter begins at the clock alone')
      ? micros
      : Math.max(micros, greatest + 1)
    const lost = has('an evicted counter begins at 0') && greatest > 0
    const start = lost ? 0 : above
    const unkept = has('a read moves nothing into place, so that missing counters differ each time')
    if (!unkept) counted.set(scope, { epoch: start, fence: start })
    greatest = Math.max(greatest, start)
    return { epoch: start, fence: start }
  }

  async function bump(scope: string, what: 'epoch' | 'fence', moves = true): Promise<Counters> {
    const { epoch, fence } = countersOf(scope)
    if (has('a bump is a read and a write')) await null
    const fenced = what === 'fence' && !has('a fence is only an epoch') && moves
    const after = {
      epoch: what === 'fence' && has('a fence leaves the epoch') ? epoch : epoch + 1,
      fence: fenced ? fence + 1 : fence,
    }
    counted.set(scope, after)
    greatest = Math.max(greatest, after.epoch, after.fence)
    return { ...after }
  }

  function room(): boolean {
    const held = [...blocks].reduce((sum, [key, { value }]) => sum + 2 * (key.length + value.length), 0)
    return has('blocks are unbounded') || (blocks.size <= MAX_ENTRIES && held <= MAX_BYTES)
  }

  const state: ScopeState = {
    kind: 'naive',
    counters: async (scope) => ({ ...countersOf(scope) }),
    bump,
    async read(scope, key, recalled) {
      if (recalled && !has('a read notes nothing'))
        await state.noteTurn(scope, recalled.conversation, recalled.turn, 'recalled', recalled.at)
      const block = blocks.get(name(scope, key))
      if (has('a read is two reads')) await null
      const counters = { ...countersOf(scope) }
      // What is two reads takes the fence of the one for the fence of the other.
      const behind = block?.fence !== counters.fence && !has('a read is two reads')
      if (!block) return { counters, block: undefined }
      if (behind && !has('a read ignores the fence')) {
        const told = !has('a block from before the fence is as good as none')
        return { counters, block: undefined, ...(told ? { isFenced: true } : {}) }
      }
      if (clock.now() >= block.until && !has('a block lives for ever')) return { counters, block: undefined }
      if (block.value === '' && has('the empty block is none')) return { counters, block: undefined }
      blocks.delete(name(scope, key))
      blocks.set(name(scope, key), block)
      const first = firstRead.get(name(scope, key)) ?? block
      firstRead.set(name(scope, key), first)
      if (has('a block that was read is not read again'))
        return { counters, block: { value: first.value, storedAt: first.storedAt } }
      const storedAt = has('a block is stamped when it is read') ? clock.now() : block.storedAt
      return { counters, block: { value: block.value, storedAt } }
    },
    async fill(scope, key, value, ttlMs, expected) {
      if (value.length > MAX_BYTES) {
        if (has('an oversize block is dropped in silence')) return true
        throw new RangeError('too large')
      }
      const { epoch, fence } = countersOf(scope)
      const moved = has('a fill compares the epoch') ? epoch !== expected.epoch : fence !== expected.fence
      if (moved && !has('a fill ignores the fence')) return false
      blocks.delete(name(scope, key))
      blocks.set(name(scope, key), { value, storedAt: clock.now(), fence, until: clock.now() + ttlMs })
      while (!room()) blocks.delete(blocks.keys().next().value as string)
      return true
    },
    async clear(scope) {
      const all = has('a clear drops blocks of another scope')
      const gone = (key: string) => all || JSON.parse(key)[0] === scope
      const some = has('scope and key run together') ? [] : [...blocks.keys()].filter(gone)
      for (const key of some) blocks.delete(key)
      if (!has('a clear keeps the turns'))
        for (const key of [...notes.keys()]) if (JSON.parse(key)[0] === scope) notes.delete(key)
      return await bump(scope, 'fence', !has('a clear forgets the fence'))
    },
    async lease(scope, key, ttlMs) {
      const held = leases.get(name(scope, key))
      if (held && (clock.now() < held.until || has('a lease never ends'))) return undefined
      if (has('a lease is checked and then taken')) await null
      const mine = { until: clock.now() + ttlMs }
      leases.set(name(scope, key), mine)
      return {
        async release() {
          const own = leases.get(name(scope, key)) === mine
          if (own || has('a lease is anybody’s to free')) leases.delete(name(scope, key))
        },
      }
    },
    async noteTurn(scope, conversation, turn, what, at) {
      const key = JSON.stringify([scope, conversation])
      const known = notes.get(key)
      const living = known && (clock.now() < known.until || has('turns stay for ever'))
      const turns = living ? new Map(known.turns) : new Map<number, TurnSeen>()
      if (has('a note is a read and a write')) await null
      const seen = turns.get(turn) ?? { turn, recalledAt: null, addedAt: null }
      const field = what === 'recalled' ? 'recalledAt' : 'addedAt'
      const latest = has('the last note of a turn wins') ? at : Math.max(at, seen[field] ?? at)
      turns.set(turn, { ...seen, [field]: latest })
      const spare = has('the first turns are kept') ? Math.max(...turns.keys()) : Math.min(...turns.keys())
      if (turns.size > MAX_TURNS && !has('turns are unbounded')) turns.delete(spare)
      notes.set(key, { turns, until: clock.now() + WEEK_MS })
    },
    async turns(scope, conversation) {
      const known = notes.get(JSON.stringify([scope, conversation]))
      if (!known || (clock.now() >= known.until && !has('turns stay for ever'))) return []
      return [...known.turns.values()].sort((a, b) => a.turn - b.turn)
    },
    async check() {},
    async close() {},
  }
  return { state, peer: state, clock, evictCounters: async (scope) => void counted.delete(scope) }
}
