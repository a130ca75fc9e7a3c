import { type Body, collectionOf, type FakePoint, type FakeState, matching, Refusal } from './engine.ts'

type Collection = ReturnType<typeof collectionOf>

interface Scored {
  id: string
  score: number
  payload: Record<string, unknown>
}

/** The Query API, as far as it is asked: nearest by a dense or a sparse vector, and fusion of several by rank. */
export function query(state: FakeState, name: string, body: Body): { points: object[] } {
  const collection = collectionOf(state, name)
  const found = scored(collection, body, body.filter)
  return {
    points: found.map(({ id, score, payload }) => ({
      id,
      version: 0,
      score,
      payload: structuredClone(payload),
    })),
  }
}

function scored(collection: Collection, body: Body, above: Body): Scored[] {
  const { prefetch, query: asked, using, filter, limit = 10, params } = body
  if (prefetch) {
    if (asked?.fusion !== 'rrf') throw new Refusal(400, 'only rrf is known here')
    return fused(
      [prefetch].flat().map((one) => scored(collection, one, above)),
      limit,
    )
  }
  const both = { must: [filter, above].filter(Boolean) }
  const score = Array.isArray(asked)
    ? byCosine(collection, using, asked)
    : byTerms(collection, using, asked, params?.idf?.corpus)
  return matching(collection, both)
    .flatMap((point) => {
      const value = score(point)
      return value === undefined ? [] : [{ id: point.id, payload: point.payload, score: value }]
    })
    .sort((a, b) => b.score - a.score)
    .slice(0, limit)
}

function byCosine({ params }: Collection, name: string, asked: number[]) {
  const size = params.vectors[name]?.size
  if (size === undefined) throw new Refusal(400, `Wrong input: Not existing vector name error: ${name}`)
  if (asked.length !== size) {
    throw new Refusal(400, `Wrong input: Vector dimension error: expected dim: ${size}, got ${asked.length}`)
  }
  const length = Math.hypot(...asked) || 1
  return ({ vector }: FakePoint) => {
    const own = vector[name] as number[] | undefined
    return own?.reduce((sum, value, i) => sum + (value * (asked[i] as number)) / length, 0)
  }
}

/** The dot product; with the modifier `idf`, of weights that are multiplied by the rarity of their terms. */
function byTerms(collection: Collection, name: string, asked: Body, corpus: Body) {
  const params = collection.params.sparse_vectors?.[name]
  if (!params) throw new Refusal(400, `Wrong input: Not existing vector name error: ${name}`)
  const weightsOf = ({ vector }: FakePoint) => {
    const own = vector[name] as { indices: number[]; values: number[] } | undefined
    return new Map(own?.indices.map((index, i) => [index, own.values[i] as number]))
  }
  const all = matching(collection, corpus).map(weightsOf)
  const rarity = (index: number) => {
    if (params.modifier !== 'idf') return 1
    const holders = all.filter((weights) => weights.has(index)).length
    return Math.log(1 + (all.length - holders + 0.5) / (holders + 0.5))
  }
  return (point: FakePoint) => {
    const own = weightsOf(point)
    const shared = asked.indices.filter((index: number) => own.has(index))
    if (shared.length === 0) return undefined
    return asked.indices.reduce(
      (sum: number, index: number, i: number) =>
        sum + (own.get(index) ?? 0) * asked.values[i] * rarity(index),
      0,
    )
  }
}

function fused(lists: Scored[][], limit: number): Scored[] {
  const found = new Map<string, Scored>()
  for (const list of lists) {
    for (const [rank, { id, payload }] of list.entries()) {
      const before = found.get(id)?.score ?? 0
      found.set(id, { id, payload, score: before + 1 / (rank + 2) })
    }
  }
  return [...found.values()].sort((a, b) => b.score - a.score).slice(0, limit)
}
