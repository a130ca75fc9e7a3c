import { type Account, type ModelCall, ModelUnavailable } from '../../ports/language-model.ts'
import type { LedgerEntry, RecordCall } from '../../ports/ledger.ts'
import type { Answered, WaitingRequests } from './model-requests.ts'

export interface RecordedCallsOptions {
  requests: Pick<WaitingRequests, 'run'>
  record: RecordCall
  now?: (() => number) | undefined
}

interface RecordedCall<T> {
  purpose: LedgerEntry['purpose']
  /** The model in the record of a call without an answer. */
  model: string
  account: Account
  signal: AbortSignal | undefined
  /** Throws `ModelUnavailable` for an answer that cannot be used. */
  read: (answer: Answered) => T
}

/** Runs requests in Dify and passes each to `record`, except those that no node took. */
export function createRecordedCalls({ requests, record, now = Date.now }: RecordedCallsOptions) {
  return async <T>(
    call: ModelCall,
    { purpose, model, account, signal, read }: RecordedCall<T>,
  ): Promise<T> => {
    const at = now()
    let answer: Answered | undefined
    const note = (outcome: LedgerEntry['outcome']) =>
      record({
        ...account,
        ...{ at, purpose, model: answer?.model ?? model, outcome, latencyMs: Math.max(0, now() - at) },
        ...{
          tokensIn: answer?.tokensIn ?? 0,
          tokensOut: answer?.tokensOut ?? 0,
          tokensCached: 0,
          retries: 0,
        },
      })
    try {
      answer = await requests.run(account.scope, call, signal)
      const result = read(answer)
      note('ok')
      return result
    } catch (error) {
      const reason = error instanceof ModelUnavailable ? error.reason : undefined
      if (reason === 'timeout' || reason === 'server_error' || reason === 'bad_answer') note(reason)
      throw error
    }
  }
}
