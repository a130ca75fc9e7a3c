import type { Graph } from '../../memory/graph/types.ts'
import type { MemoryGraph, Mention } from '../../memory/model/graph.ts'
import type { Embedder } from '../../ports/embedder.ts'
import type { Account } from '../../ports/language-model.ts'
import { cosine } from '../../retrieval/ranking/similarity-scale.ts'
import { isTyped, nameKey } from '../../text/relations/names.ts'

/** Of a text that was not embedded. */
const NO_VECTOR = new Float32Array()

/** Cosine from which two names of one type are the same entity; mem0 uses the same value. */
const MIN_SIMILARITY = 0.95
/** Known entities that new names are compared with, the latest ones, and new names of a batch. */
const MAX_KNOWN = 200
const MAX_NEW = 50

/**
 * Names that are not known yet, but nearly the same as a known one of the same type, get a reference to it. Similarity
 * alone merges nothing: names of unknown types are not compared.
 */
export async function resolveNames(
  graphs: readonly MemoryGraph[],
  known: Graph,
  embedder: Embedder,
  { account, signal, now }: { account: Account; signal: AbortSignal | undefined; now: number },
): Promise<void> {
  const isNew = ({ name, type }: Mention) => isTyped(type) && !known.find(name, type)
  const added = graphs.flatMap(({ mentions = [] }) => mentions.filter(isNew)).slice(0, MAX_NEW)
  const types = new Set(added.map(({ type }) => type))
  const entities = [...known.entities.values()]
    .filter(({ type }) => types.has(type))
    .sort((a, b) => b.lastSeen - a.lastSeen)
    .slice(0, MAX_KNOWN)
  if (added.length === 0 || entities.length === 0) return
  const texts = [...added, ...entities].map(({ name }) => name)
  const vectors = await embedder.embed(texts, 'document', signal, account)
  for (const [i, mention] of added.entries()) {
    const candidates = entities.flatMap(({ name, type }, nth) => {
      const score = cosine(vectors[i] ?? NO_VECTOR, vectors[added.length + nth] ?? NO_VECTOR)
      return type === mention.type && score >= MIN_SIMILARITY ? [{ name, score }] : []
    })
    const [best] = candidates.sort((a, b) => b.score - a.score)
    if (best && nameKey(best.name) !== nameKey(mention.name)) mention.same_as = { ...best, at: now }
  }
}
