import { LRUCache } from 'lru-cache'
import type { LanguageModel, Purpose } from '../../../ports/language-model.ts'
import { type CallerOptions, createCaller } from '../caller.ts'
import { EndpointFailure } from '../failures.ts'
import {
  type Capabilities,
  initialCapabilities,
  isRefusedContent,
  withoutUnsupported,
} from './capabilities.ts'
import { completionOf, hasReasoned } from './completion.ts'
import { bodyOf, withoutOf } from './request.ts'
import { completionOfStream } from './stream.ts'

export interface OpenAiLanguageModelOptions extends CallerOptions {
  model: string
  /** Other models for some purposes, by purpose. */
  models?: Partial<Record<Purpose, string | undefined>> | undefined
}

/**
 * Chat models behind an OpenAI-compatible `POST /chat/completions`. Features that a model rejects (schemas, functions,
 * temperature, the name of the token limit, answers in one piece) are not requested again. Every attempt is passed to `record`.
 * @throws {TypeError} for an invalid address or key
 */
export function openAiLanguageModel(options: OpenAiLanguageModelOptions): LanguageModel {
  const caller = createCaller('language model', options)
  const cache = new LRUCache<string, Capabilities>({ max: 100 })
  const capabilitiesOf = (model: string) => cache.get(model) ?? initialCapabilities(caller.isOfficial)

  return {
    kind: `${options.model} at ${caller.host}`,
    failing: caller.failing,
    async complete(request) {
      const model = options.models?.[request.purpose] ?? options.model
      const attempts = { count: 0 }
      let learned: Partial<Capabilities> = {}
      for (;;) {
        const able = { ...capabilitiesOf(model), ...learned }
        try {
          const { completion, reasoned } = await caller.call({
            path: '/chat/completions',
            model,
            body: bodyOf(request, model, able),
            prepare: completionOfStream,
            parse: (body, invalid) => ({
              completion: completionOf(body, model, invalid),
              reasoned: hasReasoned(body),
            }),
            purpose: request.purpose,
            account: request.account,
            signal: request.signal,
            attempts,
          })
          if (reasoned) learned = { ...learned, reasons: true }
          // The success confirms what was learned. Concurrent calls may have learned other capabilities.
          cache.set(model, { ...capabilitiesOf(model), ...learned })
          // Reasoning used up all tokens; retry with a larger limit.
          const { text, calls, finish } = completion
          const isEmpty = finish === 'length' && text.trim() === '' && calls.length === 0
          if (reasoned && !able.reasons && isEmpty) continue
          const without = withoutOf(request, able)
          return without.length > 0 ? { ...completion, without } : completion
        } catch (error) {
          if (!(error instanceof EndpointFailure)) throw error
          if (error.status === 400 && isRefusedContent(error.responseText)) {
            return { text: '', calls: [], finish: 'refused', model }
          }
          const reduced = withoutUnsupported(error, able, request, learned)
          if (!reduced) throw error
          learned = { ...learned, ...reduced }
        }
      }
    },
  }
}
