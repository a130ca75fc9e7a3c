import { type LanguageModel, ModelUnavailable } from '../../ports/language-model.ts'

/** Stands where no model is configured: every request is refused at once, and nothing is ever sent. */
export function noLanguageModel(): LanguageModel {
  return {
    kind: 'none',
    async complete({ signal }) {
      signal?.throwIfAborted()
      throw new ModelUnavailable('unreachable', 'No language model is configured; memories are kept verbatim')
    },
  }
}
