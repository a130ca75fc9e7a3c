import { describe, expect, it } from 'vitest'
import { stoppedClock } from '../helpers/clock.ts'
import { caseNamed, failedCases, type Open, tryCase } from './contract.ts'
import { type Fault, naiveScopeState } from './naive-scope-state.ts'
import { SCOPE_STATE_CASES } from './scope-state.ts'
import type { ScopeStateSubject } from './scope-state-subject.ts'

const CLEARS = 'clears the blocks and turns of one scope and of no other, and moves its fence'
const BEGINS = 'begins counters at the clock in microseconds, and moves them by nothing but a change'
const LOST = 'begins counters that were lost above all that they were'
const BLOCK = 'reads back a block with the time it was stored at and the counters of now'
const FENCED = 'serves no block from before a fence, and tells it from none'
const MOVES = 'moves the epoch with a change, and both counters with a fence'

const CAUGHT_BY: Record<Fault, string> = {
  'an evicted counter begins at 0': LOST,
  'an evicted counter begins at the clock alone': LOST,
  'a read moves nothing into place, so that missing counters differ each time': BEGINS,
  'a fill ignores the fence': 'stores nothing that was begun before a fence',
  'a fill compares the epoch': 'stores what was begun before a change that removed nothing',
  'a read ignores the fence': FENCED,
  'a block from before the fence is as good as none': FENCED,
  'a read is two reads': 'reads a block and its counters at one moment',
  'a bump is a read and a write': 'loses no change of many at once',
  'a fence leaves the epoch': MOVES,
  'a fence is only an epoch': MOVES,
  'a block lives for ever': 'serves a block to the last millisecond of its life and not in the next',
  'a block is stamped when it is read': BLOCK,
  'the empty block is none': BLOCK,
  'a clear forgets the fence': CLEARS,
  'a clear drops blocks of another scope': CLEARS,
  'a clear keeps the turns': CLEARS,
  'scope and key run together': 'takes scopes and keys exactly as they are',
  'a lease is anybody’s to free': 'lets nobody free the lease of another',
  'a lease never ends': 'ends a lease by itself in its last millisecond',
  'a lease is checked and then taken': 'gives a lease to one of many who ask at once',
  'turns are unbounded': 'keeps the latest turns of a conversation and no more',
  'the first turns are kept': 'keeps the latest turns of a conversation and no more',
  'the last note of a turn wins':
    'keeps the latest of several notes of one turn, in whatever order they come',
  'a note is a read and a write': 'loses no note of many at once',
  'turns stay for ever': 'forgets the turns of a conversation that has gone quiet',
  'blocks are unbounded': 'bounds the number of blocks, least recently used first',
  'an oversize block is dropped in silence':
    'refuses a block that is larger than the whole state and keeps the rest',
  'a read notes nothing': 'notes with a read that a turn is recalled for',
  'a block that was read is not read again': 'reads the block that was filled last, by whomever',
}

function openWith(...faults: Fault[]): Open<ScopeStateSubject> {
  return async () => ({ subject: naiveScopeState(stoppedClock(), ...faults), close: async () => {} })
}

describe('the contract of scope states notices that', () => {
  it.each(Object.entries(CAUGHT_BY) as [Fault, string][])('%s', async (fault, caughtBy) => {
    await expect(tryCase(caseNamed(SCOPE_STATE_CASES, caughtBy), openWith(fault))).rejects.toThrow()
  })

  it('nothing is wrong, where nothing is', async () => {
    expect(await failedCases(SCOPE_STATE_CASES, openWith())).toEqual([])
  })
})
