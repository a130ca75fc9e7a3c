import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type Case, caseNamed, type Open, tryCase } from './contract.ts'
import { type Fault, naiveScopeLock } from './naive-scope-lock.ts'
import { SCOPE_LOCK_CASES, SHARED_LOCK_CASES } from './scope-lock.ts'
import type { ScopeLockSubject } from './scope-lock-subject.ts'

const CASES = [...SCOPE_LOCK_CASES, ...SHARED_LOCK_CASES]

const ONE = 'runs tasks of one scope one after another, whoever asks'
const SIDE = 'runs tasks of different scopes side by side, and takes scopes exactly as they are'
const STILL = 'ends by itself where a process stands still, whose commits are refused from then on'
const ORDER =
  'knows that nothing is left where a lock was given back in good order, and says so where it does not know'
const LEFT = 'lets nobody write where what was left could not be finished, and tries that again'
const LATE = 'refuses a task that waits for too long, and never runs it'

const CAUGHT_BY: Record<Fault, string> = {
  'each process has locks of its own': ONE,
  'a lock is looked at and then taken': ONE,
  'the tasks of a process come in any order':
    'runs the tasks of a process in the order in which they came, and answers what they answer',
  'all scopes are one': SIDE,
  'scopes are told apart without their case': SIDE,
  'what fails fails the next one too': 'rejects what rejects, and nothing else',
  'it is drained while a task runs': 'is drained when what was under way has ended',
  'renewal is forgotten': 'keeps a lock for as long as the task runs',
  'a lease never ends': STILL,
  'a lease lasts until it is given back, whoever stands still': STILL,
  'a process that stood still trusts itself': STILL,
  'a process that stood still gives up': 'goes on where a process stood still and nobody came in between',
  'a lock is anybody’s to give back': 'lets nobody give back the lock of another',
  'what a dead holder left is nobody’s':
    'has what a dead holder left finished before the next task runs, once',
  'what was left is finished by every holder': ORDER,
  'a failed commit is as good as one that worked': 'takes a commit that failed for one that may be half done',
  'every failure may be half a commit': ORDER,
  'what could not be finished is forgotten': LEFT,
  'a task runs although what was left could not be finished': LEFT,
  'a task waits for ever': LATE,
  'a task runs although it was refused': LATE,
  'who asks most gets it': 'lets nobody who keeps writing keep another from it',
}

/** Turns of the event loop after which a case counts as stuck. The correct lock needs fewer in each case. */
const MAX_TURNS = 1000

function openWith(...faults: Fault[]): Open<ScopeLockSubject> {
  return async () => ({ subject: naiveScopeLock(...faults), close: async () => {} })
}

/** Rejects if the case fails, or if a broken lock never ends it. */
async function tryCaseWithinTurns(one: Case<ScopeLockSubject>, ...faults: Fault[]): Promise<void> {
  const ended = { value: false }
  const attempt = tryCase(one, openWith(...faults)).finally(() => {
    ended.value = true
  })
  const limit = async () => {
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      if (ended.value) return
      await setImmediate()
    }
    throw new Error(`"${one.name}" did not end within ${MAX_TURNS} turns of the event loop`)
  }
  await Promise.race([attempt, limit().then(() => attempt)])
}

describe('the contract of the scope lock', () => {
  it.each(Object.entries(CAUGHT_BY) as [Fault, string][])(
    'detects this fault: %s',
    async (fault, caughtBy) => {
      await expect(tryCaseWithinTurns(caseNamed(CASES, caughtBy), fault)).rejects.toThrow()
    },
  )

  it.each(CASES.map((one) => [one.name, one] as const))('accepts the correct lock: %s', async (_, one) => {
    await tryCaseWithinTurns(one)
  })
})
