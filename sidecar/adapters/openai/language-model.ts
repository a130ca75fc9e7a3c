import { LRUCache } from 'lru-cache'
import type { Completion, CompletionRequest, LanguageModel, Purpose } from '../../ports/language-model.ts'
import { type CallerOptions, createCaller } from './caller.ts'
import { type Abilities, isRefusedContent, lacking, strongest } from './capabilities.ts'
import { completionOf, hasReasoned, refusedCompletion } from './completion.ts'
import { EndpointFailure } from './failures.ts'
import { bodyOf, withoutOf } from './request.ts'

export interface OpenAiLanguageModelOptions extends CallerOptions {
  model: string
  /** Other models for some purposes, by purpose. */
  models?: Partial<Record<Purpose, string | undefined>> | undefined
}

/**
 * Chat models behind an OpenAI-compatible `POST /chat/completions`. What a model refuses (schemas, functions,
 * a temperature, the name of the token limit) it is not asked for again; every try is booked to `record`.
 * @throws {TypeError | RangeError} for options that cannot be used
 */
export function openAiLanguageModel(options: OpenAiLanguageModelOptions): LanguageModel {
  const models = { ...options.models }
  for (const [option, model] of Object.entries({ model: options.model, ...models })) {
    if (model !== undefined && model.trim() === '')
      throw new TypeError(`Expected \`${option}\` to name a model, got ""`)
  }
  const caller = createCaller('language model', options)
  const known = new LRUCache<string, Abilities>({ max: 100 })
  const abilitiesOf = (model: string) => known.get(model) ?? strongest(caller.official)

  return {
    kind: `${options.model} at ${caller.host}`,
    async complete(request: CompletionRequest): Promise<Completion> {
      const model = models[request.purpose] ?? options.model
      const tries = { count: 0 }
      let learnt: Partial<Abilities> = {}
      for (;;) {
        const able = { ...abilitiesOf(model), ...learnt }
        try {
          const { completion, reasoned } = await caller.ask({
            path: '/chat/completions',
            model,
            body: bodyOf(request, model, able),
            read: (body, complaint) => ({
              completion: completionOf(body, model, complaint),
              reasoned: hasReasoned(body),
            }),
            purpose: request.purpose,
            account: request.account,
            signal: request.signal,
            tries,
          })
          if (reasoned) learnt = { ...learnt, reasons: true }
          // Only now is it known that this was what the endpoint minded. Calls at the same time may have learnt else.
          known.set(model, { ...abilitiesOf(model), ...learnt })
          // All tokens went into thoughts; with room for both there will be an answer.
          if (reasoned && !able.reasons && isNothing(completion)) continue
          const without = withoutOf(request, able)
          return without.length > 0 ? { ...completion, without } : completion
        } catch (error) {
          if (!(error instanceof EndpointFailure)) throw error
          if (error.status === 400 && isRefusedContent(error.says)) return refusedCompletion(model)
          const less = lacking(error, able, request, learnt)
          if (!less) throw error
          learnt = { ...learnt, ...less }
        }
      }
    },
  }
}

function isNothing({ text, calls, finish }: Completion): boolean {
  return finish === 'length' && text.trim() === '' && calls.length === 0
}
