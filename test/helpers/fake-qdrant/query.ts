import { type Body, type FakeCollection, type Found, matching, ordered, Refusal, shown } from './engine.ts'

interface Scored {
  point: Found
  score: number
}

/** The Query API: nearest by a dense or a sparse vector, by a payload field, by id, and fusion by rank. */
export function query(collection: FakeCollection, body: Body): { points: object[] } {
  const found = scored(collection, body)
  return { points: found.map(({ point, score }) => ({ ...shown(point, body), version: 0, score })) }
}

function scored(collection: FakeCollection, body: Body): Scored[] {
  const { prefetch, query: asked, using, filter, limit = 10 } = body
  const lists = prefetch && [prefetch].flat().map((one) => scored(collection, one))
  if (asked?.fusion) {
    if (asked.fusion !== 'rrf') throw new Refusal(400, 'the fake server knows the fusion rrf only')
    return fuse(lists).slice(0, limit)
  }
  const fetched = lists && new Set(lists.flat().map(({ point }: Scored) => point.id))
  const points = matching(collection, filter).filter(({ id }) => !fetched || fetched.has(id))
  if (asked === undefined || asked === null)
    return points.slice(0, limit).map((point) => ({ point, score: 0 }))
  if (asked.order_by) {
    return ordered(collection, points, asked.order_by)
      .slice(0, limit)
      .map((point) => ({ point, score: 1 }))
  }
  const score = Array.isArray(asked) ? byCosine(collection, using, asked) : byTerms(collection, using, asked)
  return points
    .flatMap((point) => {
      const value = score(point)
      return value === undefined ? [] : [{ point, score: value }]
    })
    .sort((a, b) => b.score - a.score)
    .slice(0, limit)
}

function byCosine({ params }: FakeCollection, name: string, asked: number[]) {
  const size = params.vectors[name]?.size
  if (size === undefined) throw new Refusal(400, `Wrong input: Not existing vector name error: ${name}`)
  if (asked.length !== size) {
    throw new Refusal(400, `Wrong input: Vector dimension error: expected dim: ${size}, got ${asked.length}`)
  }
  const length = Math.hypot(...asked) || 1
  return ({ vector }: Found) => {
    const own = vector[name] as number[] | undefined
    return own?.reduce((sum, value, i) => sum + (value * (asked[i] as number)) / length, 0)
  }
}

/** The dot product; with the modifier `idf`, of weights that are multiplied by the rarity of their terms. */
function byTerms(collection: FakeCollection, name: string, { indices, values }: Body) {
  const params = collection.params.sparse_vectors?.[name]
  if (!params) throw new Refusal(400, `Wrong input: Not existing vector name error: ${name}`)
  const vectors = [...collection.points.values()].flatMap(({ vector }) => (vector[name] as Body) ?? [])
  const rarity = (index: number) => {
    if (params.modifier !== 'idf') return 1
    const holders = vectors.filter((one) => one.indices.includes(index)).length
    return Math.log(1 + (vectors.length - holders + 0.5) / (holders + 0.5))
  }
  const weights = new Map<number, number>(
    indices.map((index: number, i: number) => [index, values[i] * rarity(index)]),
  )
  return ({ vector }: Found) => {
    const own: Body = vector[name] ?? { indices: [], values: [] }
    const shared = own.indices.flatMap((index: number, i: number) =>
      weights.has(index) ? [own.values[i] * (weights.get(index) as number)] : [],
    )
    return shared.length === 0 ? undefined : shared.reduce((sum: number, one: number) => sum + one, 0)
  }
}

function fuse(lists: Scored[][]): Scored[] {
  const found = new Map<string, Scored>()
  for (const list of lists) {
    for (const [rank, { point }] of list.entries()) {
      const before = found.get(point.id)?.score ?? 0
      found.set(point.id, { point, score: before + 1 / (rank + 2) })
    }
  }
  return [...found.values()].sort((a, b) => b.score - a.score)
}
