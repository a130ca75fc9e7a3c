import type { Embedder } from '../ports/embedder.ts'
import { ModelUnavailable } from '../ports/language-model.ts'

/**
 * The embedder for turns that wait: while it is away their words are found by themselves alone, which the zero vector
 * stands for, rather than refused. What has been learned from a turn is embedded anew.
 * @param isWords whether a text is that of words that wait, which nothing but them may do without
 */
export function wordsEmbedder(embedder: Embedder, isWords: (text: string) => boolean): Embedder {
  return {
    name: embedder.name,
    dimensions: embedder.dimensions,
    async embed(texts, ...rest) {
      try {
        return await embedder.embed(texts, ...rest)
      } catch (error) {
        if (!(error instanceof ModelUnavailable) || !texts.every(isWords)) throw error
        return texts.map(() => new Float32Array(embedder.dimensions))
      }
    },
  }
}
