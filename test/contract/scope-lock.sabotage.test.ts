import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type Case, caseNamed, type Open, tryCase } from './contract.ts'
import { CAUGHT_BY, type Fault, naiveScopeLock } from './naive-scope-lock.ts'
import { SCOPE_LOCK_CASES, SHARED_LOCK_CASES } from './scope-lock.ts'
import type { ScopeLockSubject } from './scope-lock-subject.ts'

const CASES = [...SCOPE_LOCK_CASES, ...SHARED_LOCK_CASES]

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
