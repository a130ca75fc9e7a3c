import type {
  Completion,
  CompletionRequest,
  LanguageModel,
} from '../../../../sidecar/ports/language-model.ts'

export type Said = string | (Partial<Completion> & { text: string })

/** A model that gives these answers in turn, the last one again and again, and remembers what it was asked. */
export function modelSaying(...answers: Said[]): LanguageModel & { requests: CompletionRequest[] } {
  const requests: CompletionRequest[] = []
  return {
    kind: 'scripted',
    requests,
    complete: async (request) => {
      const said = answers[Math.min(requests.length, answers.length - 1)] ?? ''
      requests.push(request)
      const { text, ...rest } = typeof said === 'string' ? { text: said } : said
      return { text, calls: [], finish: 'stop', model: 'scripted', ...rest }
    },
  }
}
