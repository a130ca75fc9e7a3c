import { createInProcessScopeLock } from '../../../sidecar/adapters/in-process/lock.ts'
import { testContract } from '../contract.ts'
import { SCOPE_LOCK_CASES } from '../scope-lock.ts'

testContract('the in-process lock', SCOPE_LOCK_CASES, async () => {
  const lock = createInProcessScopeLock()
  return {
    subject: {
      lock,
      peer: lock,
      advance: async () => {},
      freeze: () => {},
      takeOvers: [],
      failing: { takeOver: false },
    },
    close: () => lock.close(),
  }
})
