import { type LanguageModel, ModelUnavailable } from '../../ports/language-model.ts'
import type { LedgerEntry, RecordCall } from '../../ports/ledger.ts'
import { promptFeatures } from '../common/prompted-features.ts'
import type { Answered, WaitingRequests } from './model-requests.ts'

export interface DifyLanguageModelOptions {
  requests: Pick<WaitingRequests, 'run'>
  /** The namespace of a scope: a request is handed to clients with its API key only. */
  namespaceOf: (scope: string) => string
  record: RecordCall
  now?: () => number
}

/**
 * The model that is chosen in a node of Dify. Its abilities are unknown, so that functions and schemas are described in
 * the prompt. Every request is passed to `record`, except those that no node took.
 */
export function difyLanguageModel(options: DifyLanguageModelOptions): LanguageModel {
  const { requests, namespaceOf, record, now = Date.now } = options
  return {
    kind: 'chosen in Dify',
    async complete({ purpose, messages, schema, tools, maxOutputTokens, account, signal }) {
      const at = now()
      const note = (outcome: LedgerEntry['outcome'], answer?: Answered) =>
        record({
          ...account,
          ...{ at, purpose, model: answer?.model ?? 'dify', outcome, latencyMs: Math.max(0, now() - at) },
          ...{
            tokensIn: answer?.tokensIn ?? 0,
            tokensOut: answer?.tokensOut ?? 0,
            tokensCached: 0,
            retries: 0,
          },
        })
      try {
        const request = { messages: promptFeatures(messages, { schema, tools }), maxOutputTokens }
        const answer = await requests.run(namespaceOf(account.scope), request, signal)
        note('ok', answer)
        const { text, calls, finish, model } = answer
        const without = [...(schema ? ['schema' as const] : []), ...(tools?.length ? ['tools' as const] : [])]
        return { text, calls, finish, model, without }
      } catch (error) {
        if (
          error instanceof ModelUnavailable &&
          (error.reason === 'timeout' || error.reason === 'server_error')
        )
          note(error.reason)
        throw error
      }
    },
  }
}
