import type { Schemas } from '@qdrant/js-client-rest'
import type { Search, SparseVector, StoredRecord } from '../../ports/records.ts'
import { toQdrantFilter } from '../qdrant/fields.ts'
import { type Kind, SPARSE, toRecord, VECTOR, within } from '../qdrant/points.ts'
import type { Source } from '../qdrant/scroll.ts'

/** Most records that are looked at for one search whose caller refuses some. */
const MAX_LOOKED_AT = 4096

/**
 * Nearest by either vector within a scope, joined by the server (reciprocal rank fusion).
 *
 * Terms are weighted by their rarity in the scope, not in all of them: another tenant's words say nothing here, and
 * shall tell nothing (an older server, which knows no such choice, takes the whole collection). A small scope is searched
 * exactly, by Qdrant's own choice, since the graph is made by scope.
 * @param hasSparse whether the collection has the sparse vector
 */
export async function searchPoints(
  { connection, name, consistency }: Source,
  collection: Kind,
  scope: string,
  search: Search,
  hasSparse: boolean,
): Promise<StoredRecord[]> {
  const { dense, limit, accept, where } = search
  const sparse = hasSparse && search.sparse && search.sparse.indices.length > 0 ? search.sparse : undefined
  if (limit < 1 || (!dense && !sparse)) return []
  const must = within(collection, scope)
  const filter: Schemas['Filter'] = { must: where ? [...must, toQdrantFilter(where)] : must }
  for (let asked = limit; ; asked = Math.min(asked * 4, MAX_LOOKED_AT)) {
    const signals = [
      ...(dense ? [{ query: Array.from(dense), using: VECTOR, filter, limit: asked }] : []),
      ...(sparse
        ? [
            {
              query: toQuery(sparse),
              using: SPARSE,
              filter,
              limit: asked,
              params: { idf: { corpus: { must } } },
            },
          ]
        : []),
    ]
    const [only] = signals
    const request =
      signals.length === 1 && only
        ? only
        : { prefetch: signals, query: { fusion: 'rrf' as const }, filter, limit: asked }
    const { points } = await connection.run((client) =>
      client.query(name, { ...request, with_payload: true, ...(consistency ? { consistency } : {}) }),
    )
    const records = points.flatMap(({ payload }) => toRecord(payload, collection, scope) ?? [])
    const found = (accept ? records.filter(accept) : records).slice(0, limit)
    if (found.length === limit || points.length < asked || asked >= MAX_LOOKED_AT) return found
  }
}

function toQuery({ indices, values }: SparseVector): { indices: number[]; values: number[] } {
  return { indices: Array.from(indices), values: Array.from(values) }
}
