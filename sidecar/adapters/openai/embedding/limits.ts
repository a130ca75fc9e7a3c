import { type BatchBounds, batchesOf, estimateTokens, truncate } from '../../common/embeddings.ts'
import { EndpointFailure, isTooLongInput } from '../failures.ts'

/** Requests the vectors of a batch. */
export type Send = (texts: readonly string[]) => Promise<Float32Array[]>

/** Refusals per call after which the rest of a refused batch is given up: the endpoint may refuse everything. */
const MAX_REFUSALS = 32
/** Share of a text that is kept after a refusal. */
const SHRINK = 0.6
/** A text is not shortened below this many estimated tokens. */
const MIN_TOKENS = 24
/** A text that is refused without a word about its length is shortened only above this many estimated tokens. */
const MIN_SUSPICIOUS_TOKENS = 200

/**
 * Sends texts in batches within the limits of an endpoint and model, which it learns from refusals: a refused batch is
 * split, a refused text is shortened. Holds two numbers, however many texts are sent.
 */
export function createLimits(initial: BatchBounds) {
  const bounds = { ...initial }
  /** Estimated tokens of the longest text that was accepted. */
  let longestAccepted = 0

  /**
   * The vectors of the texts, in order; `undefined` for a text that is refused at any length. Rejects when the endpoint
   * is unavailable.
   * @param onRefused called for every text that gets no vector
   */
  return async function sendAll(texts: readonly string[], send: Send, onRefused: (error: Error) => void) {
    let refusals = 0

    async function sendBatch(batch: readonly string[]): Promise<(Float32Array | undefined)[]> {
      const cut = batch.map((text) => truncate(text, bounds.maxTextTokens))
      try {
        const vectors = await send(cut)
        longestAccepted = Math.max(longestAccepted, ...cut.map(estimateTokens))
        return vectors
      } catch (error) {
        if (!isRefusal(error)) throw error
        refusals++
        if (refusals < MAX_REFUSALS) {
          if (cut.length > 1) return await sendHalves(cut)
          const shorter = shorten(cut[0] as string, error)
          if (shorter !== undefined) return await sendShorter(cut[0] as string, shorter)
        }
        for (const _ of cut) onRefused(error)
        return cut.map(() => undefined)
      }
    }

    async function sendHalves(batch: readonly string[]) {
      const middle = Math.ceil(batch.length / 2)
      const before = refusals
      const vectors = [
        ...(await sendBatch(batch.slice(0, middle))),
        ...(await sendBatch(batch.slice(middle))),
      ]
      // Each half was accepted as it was, so no single text was the reason.
      if (refusals === before) bounds.maxTexts = Math.min(bounds.maxTexts, middle)
      return vectors
    }

    async function sendShorter(text: string, shorter: string) {
      const vectors = await sendBatch([shorter])
      // Where a text of more tokens was accepted before, this one is only denser than the estimate.
      const isLimit = vectors[0] !== undefined && longestAccepted < estimateTokens(text)
      if (isLimit) bounds.maxTextTokens = Math.min(bounds.maxTextTokens, longestAccepted)
      return vectors
    }

    const vectors: (Float32Array | undefined)[] = []
    while (vectors.length < texts.length) {
      const [batch] = batchesOf(texts.slice(vectors.length), bounds) as [string[]]
      vectors.push(...(await sendBatch(batch)))
    }
    return vectors
  }
}

/** The endpoint refused the content of the request. Other statuses have causes that no other text changes. */
function isRefusal(error: unknown): error is EndpointFailure {
  return error instanceof EndpointFailure && [400, 413, 422].includes(error.status ?? 0)
}

function shorten(text: string, { status, responseText }: EndpointFailure): string | undefined {
  const tokens = estimateTokens(text)
  const least = status === 413 || isTooLongInput(responseText) ? MIN_TOKENS : MIN_SUSPICIOUS_TOKENS
  return tokens <= least ? undefined : truncate(text, Math.max(least, Math.floor(tokens * SHRINK)))
}
