import type { LanguageModel } from '../../ports/language-model.ts'
import { promptFeatures } from '../common/prompted-features.ts'
import { createRecordedCalls, type RecordedCallsOptions } from './recorded-calls.ts'

/**
 * The model that is chosen in a node of Dify. Its abilities are unknown, so that functions and schemas are described in
 * the prompt.
 */
export function difyLanguageModel(options: RecordedCallsOptions): LanguageModel {
  const call = createRecordedCalls(options)
  return {
    kind: 'chosen in Dify',
    async complete({ purpose, messages, schema, tools, maxOutputTokens, account, signal }) {
      const without = [...(schema ? ['schema' as const] : []), ...(tools?.length ? ['tools' as const] : [])]
      return await call(
        { kind: 'completion', messages: promptFeatures(messages, { schema, tools }), maxOutputTokens },
        {
          ...{ purpose, model: 'dify', account, signal },
          read: ({ text, finish, model }) => ({ text, calls: [], finish, model, without }),
        },
      )
    },
  }
}
