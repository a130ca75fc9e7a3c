import { type Counters, MAX_TURNS, type ScopeState, type TurnSeen } from '../../sidecar/ports/scope-state.ts'
import type { Clock } from '../helpers/clock.ts'
import { MAX_BYTES, MAX_ENTRIES, type ScopeStateSubject } from './scope-state-subject.ts'

/** Ways of getting it wrong. */
export type Fault =
  | 'an evicted counter begins at 0'
  | 'an evicted counter begins at the clock alone'
  | 'a read moves nothing into place, so that missing counters differ each time'
  | 'a fill ignores the fence'
  | 'a fill compares the epoch'
  | 'a read ignores the fence'
  | 'a block from before the fence is as good as none'
  | 'a read is two reads'
  | 'a bump is a read and a write'
  | 'a fence leaves the epoch'
  | 'a fence is only an epoch'
  | 'a block lives for ever'
  | 'a block is stamped when it is read'
  | 'the empty block is none'
  | 'a clear forgets the fence'
  | 'a clear drops blocks of another scope'
  | 'a clear keeps the turns'
  | 'scope and key run together'
  | 'a lease is anybody’s to free'
  | 'a lease never ends'
  | 'a lease is checked and then taken'
  | 'turns are unbounded'
  | 'the first turns are kept'
  | 'the last note of a turn wins'
  | 'a note is a read and a write'
  | 'turns stay for ever'
  | 'blocks are unbounded'
  | 'an oversize block is dropped in silence'
  | 'a read notes nothing'
  | 'a block that was read is not read again'

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
