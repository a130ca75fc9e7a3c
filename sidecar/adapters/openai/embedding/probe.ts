import { EndpointFailure } from '../failures.ts'
import type { Request } from './requester.ts'

const TEXT = 'memory'
/** Cosine of the same text sent twice: 1 except for rounding; 0.92 to 0.95 as query and passage of multilingual-e5-small. */
const SAME_TEXT = 0.99

/**
 * Determines the vector length, and for a model that knows queries and passages, whether the endpoint honours
 * `input_type`: it then returns different vectors for the same text. Other endpoints ignore or reject the field.
 */
export async function probe(
  request: Request,
  isTyped: boolean,
  signal: AbortSignal | undefined,
): Promise<{ dimensions: number; honoursInputType: boolean }> {
  const ask = async (inputType?: 'query' | 'passage') =>
    (await request([TEXT], { inputType, signal }))[0] as Float32Array
  if (isTyped) {
    try {
      const query = await ask('query')
      const passage = await ask('passage')
      const cosine = query.reduce((sum, value, i) => sum + value * (passage[i] ?? 0), 0)
      return { dimensions: query.length, honoursInputType: cosine < SAME_TEXT }
    } catch (error) {
      if (!mayRejectField(error)) throw error
    }
  }
  return { dimensions: (await ask()).length, honoursInputType: false }
}

/** Statuses for an unknown field. They have other causes too, but then the request without the field fails as well. */
function mayRejectField(error: unknown): boolean {
  return error instanceof EndpointFailure && [400, 404, 422, 500, 501].includes(error.status ?? 0)
}
