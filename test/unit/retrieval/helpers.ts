import {
  type Indexed,
  indexMemory,
  rankMemories,
  type SpokenMemory,
} from '../../../bench/lib/rank-memories.ts'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'

export const embedder = lexicalEmbedder()

export const DAY = 86_400_000

/** Creates a memory of the user, by default without a conversation. */
export async function memoryOf(
  id: string,
  text: string,
  more: Partial<SpokenMemory> = {},
): Promise<SpokenMemory> {
  const [dense] = await embedder.embed([text], 'document')
  return {
    id,
    text,
    speaker: 'user',
    role: 'user',
    conversationId: null,
    turn: null,
    ordinal: 0,
    at: 0,
    dense: dense as Float32Array,
    ...more,
  }
}

export async function embedQuery(query: string): Promise<Float32Array> {
  const [dense] = await embedder.embed([query], 'query')
  return dense as Float32Array
}

/** Ids of the best memories for a query, ranked with the lexical embedder. */
export async function search(
  index: readonly Indexed[],
  query: string,
  limit = 3,
  now?: number,
): Promise<string[]> {
  const dense = await embedQuery(query)
  return rankMemories(index, query, { dense, ...(now !== undefined && { now }) })
    .slice(0, limit)
    .map(({ id }) => id)
}

export function indexOf(memories: readonly SpokenMemory[]): Indexed[] {
  return memories.map(indexMemory)
}
