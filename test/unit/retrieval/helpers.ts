import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { type IndexedMemory, ScopeIndex } from '../../../sidecar/retrieval/ranking/scope-index.ts'

export const embedder = lexicalEmbedder()

export const DAY = 86_400_000

/** Creates a memory of the user, by default without a conversation. */
export async function memoryOf(
  id: string,
  text: string,
  more: Partial<IndexedMemory> = {},
): Promise<IndexedMemory> {
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
export async function search(index: ScopeIndex, query: string, limit = 3, now?: number): Promise<string[]> {
  const dense = await embedQuery(query)
  return index.rank(query, { limit, dense, ...(now !== undefined && { now }) }).map(({ id }) => id)
}

export function indexOf(memories: readonly IndexedMemory[]): ScopeIndex {
  const index = new ScopeIndex()
  index.upsert(memories)
  return index
}
