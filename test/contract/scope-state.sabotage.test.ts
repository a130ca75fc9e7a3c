import { describe, expect, it } from 'vitest'
import { stoppedClock } from '../helpers/clock.ts'
import { caseNamed, failedCases, type Open, tryCase } from './contract.ts'
import { CAUGHT_BY, type Fault, naiveScopeState } from './naive-scope-state.ts'
import { SCOPE_STATE_CASES } from './scope-state.ts'
import type { ScopeStateSubject } from './scope-state-subject.ts'

function openWith(...faults: Fault[]): Open<ScopeStateSubject> {
  return async () => ({ subject: naiveScopeState(stoppedClock(), ...faults), close: async () => {} })
}

describe('the contract of scope states detects', () => {
  it.each(Object.entries(CAUGHT_BY) as [Fault, string][])('%s', async (fault, caughtBy) => {
    await expect(tryCase(caseNamed(SCOPE_STATE_CASES, caughtBy), openWith(fault))).rejects.toThrow()
  })

  it('accepts the correct state', async () => {
    expect(await failedCases(SCOPE_STATE_CASES, openWith())).toEqual([])
  })
})
