import { type LanguageModel, ModelUnavailable } from '../../ports/language-model.ts'

/** The model if none is configured: rejects every request. */
export function noLanguageModel(): LanguageModel {
  return {
    kind: 'none',
    async complete({ signal }) {
      signal?.throwIfAborted()
      throw new ModelUnavailable('unreachable', 'No language model is configured; memories are kept verbatim')
    },
  }
}
