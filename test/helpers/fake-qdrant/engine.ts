/** Points, collections and operations of the fake Qdrant server. */

// biome-ignore lint/suspicious/noExplicitAny: request bodies, as received
export type Body = any

export interface FakeCollection {
  params: Body
  hnsw: Body
  indexes: Map<string, Body>
  points: Map<string, FakePoint>
}

type Sparse = { indices: number[]; values: number[] }

export interface FakePoint {
  vector: Record<string, number[] | Sparse>
  payload: Record<string, unknown>
}

export interface FakeState {
  collections: Map<string, FakeCollection>
  aliases: Map<string, string>
}

export class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export function emptyState(): FakeState {
  return { collections: new Map(), aliases: new Map() }
}

/** Deletes a collection and its aliases. */
export function deleteCollection({ collections, aliases }: FakeState, name: string): boolean {
  for (const [alias, collection] of aliases) if (collection === name) aliases.delete(alias)
  return collections.delete(name)
}

/** The collection with this name or alias. */
export function collectionOf(state: FakeState, name: string): FakeCollection {
  const found = state.collections.get(state.aliases.get(name) ?? name)
  if (!found) throw new Refusal(404, `Not found: Collection \`${name}\` doesn't exist!`)
  return found
}

export function createCollection(state: FakeState, name: string, body: Body): boolean {
  if (state.collections.has(name) || state.aliases.has(name)) {
    throw new Refusal(409, `Wrong input: Collection \`${name}\` already exists!`)
  }
  const { vectors, sparse_vectors, shard_number = 1, hnsw_config } = body
  const { replication_factor = 1, write_consistency_factor = 1 } = body
  const params = { vectors, sparse_vectors, shard_number, replication_factor, write_consistency_factor }
  state.collections.set(name, { params, hnsw: hnsw_config, indexes: new Map(), points: new Map() })
  return true
}

export function describeCollection({ params, hnsw, indexes, points }: FakeCollection): object {
  const payloadSchema = [...indexes].map(([field, schema]) => [
    field,
    { data_type: schema.type, params: schema, points: points.size },
  ])
  return {
    status: 'green',
    optimizer_status: 'ok',
    points_count: points.size,
    segments_count: 1,
    config: {
      params,
      hnsw_config: { m: 16, ef_construct: 100, full_scan_threshold: 10_000, ...hnsw },
      optimizer_config: { default_segment_number: 0, flush_interval_sec: 5 },
    },
    payload_schema: Object.fromEntries(payloadSchema),
  }
}

export function changeAliases(state: FakeState, actions: Body[]): boolean {
  for (const { create_alias, delete_alias } of actions) {
    if (delete_alias) state.aliases.delete(delete_alias.alias_name)
    if (!create_alias) continue
    const { alias_name, collection_name } = create_alias
    if (!state.collections.has(collection_name)) {
      throw new Refusal(404, `Not found: Collection \`${collection_name}\` doesn't exist!`)
    }
    if (state.collections.has(alias_name)) {
      throw new Refusal(400, `Wrong input: Collection \`${alias_name}\` already exists!`)
    }
    state.aliases.set(alias_name, collection_name)
  }
  return true
}

/** The single changes of a batch, all validated first, so that a crash can be injected between any two of them. */
export function stepsOf(collection: FakeCollection, operations: Body[]): (() => void)[] {
  return operations.flatMap((operation) => {
    if (operation.delete) {
      return operation.delete.points.map((id: string) => () => collection.points.delete(id))
    }
    return operation.upsert.points.map(({ id, vector, payload }: Body) => {
      const stored: FakePoint['vector'] = {}
      for (const [name, values] of Object.entries<Body>(vector))
        stored[name] = toStored(collection, name, values)
      if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))
        throw new Refusal(400, 'not a valid point ID')
      return () => collection.points.set(id, { vector: stored, payload: structuredClone(payload) })
    })
  })
}

function toStored({ params }: FakeCollection, name: string, values: Body): number[] | Sparse {
  if (params.sparse_vectors?.[name]) {
    const { indices } = values
    if (indices === undefined)
      throw new Refusal(400, 'Wrong input: Conversion between sparse and regular vectors failed')
    if (new Set(indices).size !== indices.length) throw new Refusal(422, 'Validation error: must be unique')
    return structuredClone(values)
  }
  const size = params.vectors[name]?.size
  if (size === undefined) throw new Refusal(400, `Wrong input: Not existing vector name error: ${name}`)
  if (values.length !== size) {
    throw new Refusal(400, `Wrong input: Vector dimension error: expected dim: ${size}, got ${values.length}`)
  }
  return normalised(values)
}

/** Adds a named vector to a collection. */
export function createVector({ params }: FakeCollection, name: string, { sparse }: Body): object {
  if (params.sparse_vectors?.[name]) throw new Refusal(400, `Wrong input: vector ${name} already exists`)
  params.sparse_vectors = { ...params.sparse_vectors, [name]: sparse }
  return { operation_id: 0, status: 'completed' }
}

/** Qdrant normalises the vectors of collections with cosine distance, unless they are zero or normalised already. */
function normalised(values: readonly number[]): number[] {
  const floats = values.map(Math.fround)
  const squared = Math.fround(floats.reduce((sum, value) => sum + value * value, 0))
  if (squared < 2 ** -23 || Math.abs(squared - 1) <= 1e-6) return floats
  return floats.map((value) => Math.fround(value / Math.sqrt(squared)))
}

export function retrieve({ points }: FakeCollection, { ids, ...selection }: Body): object[] {
  return ids.flatMap((id: string) => {
    const point = points.get(id)
    return point ? [shown({ id, ...point }, { with_payload: true, ...selection })] : []
  })
}

/** A point with the selected parts of its payload and vector. */
export function shown(
  { id, payload, vector }: Found,
  { with_payload: fields = false, with_vector = false }: Body,
) {
  const names = Array.isArray(with_vector) ? with_vector : with_vector ? Object.keys(vector) : []
  const vectors = names.flatMap((name: string) => (vector[name] ? [[name, vector[name]]] : []))
  return {
    id,
    ...(fields !== false && { payload: selected(payload, fields) }),
    ...(with_vector !== false && { vector: structuredClone(Object.fromEntries(vectors)) }),
  }
}

function selected(payload: Found['payload'], fields: Body): object {
  if (fields === true) return structuredClone(payload)
  const excluded: string[] = fields.exclude ?? []
  const included: string[] = Array.isArray(fields) ? fields : (fields.include ?? Object.keys(payload))
  const picked: Body = {}
  for (const path of included) {
    const [property = '', inner] = path.split('.')
    const value: Body = payload[property]
    if (value === undefined || excluded.includes(property)) continue
    picked[property] = inner === undefined ? value : { ...picked[property], [inner]: value[inner] }
  }
  return structuredClone(picked)
}

export function scroll(collection: FakeCollection, body: Body): object {
  const { filter, limit = 10, offset, order_by: orderBy } = body
  const selection = { with_payload: true, ...body }
  const found = matching(collection, filter)
  if (!orderBy) {
    const from = found.filter(({ id }) => offset === undefined || id >= offset)
    const next = from[limit]?.id ?? null
    return {
      points: from.slice(0, limit).map((one) => shown(one, selection)),
      next_page_offset: next,
    }
  }
  if (offset !== undefined) throw new Refusal(400, 'Cannot use an offset when using order_by.')
  const points = ordered(collection, found, orderBy).slice(0, limit)
  return {
    points: points.map((one) => ({ ...shown(one, selection), order_value: one.payload[orderBy.key] })),
    next_page_offset: null,
  }
}

export function ordered(
  collection: FakeCollection,
  found: Found[],
  { key, direction, start_from: start }: Body,
) {
  if (!collection.indexes.get(key)?.range) {
    throw new Refusal(400, `No range index for \`order_by\` key: \`${key}\`.`)
  }
  const sign = direction === 'desc' ? -1 : 1
  const orderOf = ({ payload }: Found) => payload[key] as number
  return (
    found
      .filter((one) => start === undefined || sign * (orderOf(one) - start) >= 0)
      // A stable sort: ties keep the order of their point ids.
      .sort((a, b) => sign * (orderOf(a) - orderOf(b)))
  )
}

export function facet(collection: FakeCollection, { key, filter, limit = 10 }: Body): object {
  if (collection.indexes.get(key)?.type !== 'keyword') {
    throw new Refusal(
      400,
      `Index required but not found for "${key}" of one of the following types: [keyword]`,
    )
  }
  const counts = new Map<unknown, number>()
  for (const { payload } of matching(collection, filter)) {
    counts.set(payload[key], (counts.get(payload[key]) ?? 0) + 1)
  }
  const hits = [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count)
  return { hits: hits.slice(0, limit) }
}

export function count(collection: FakeCollection, { filter }: Body): object {
  return { count: matching(collection, filter).length }
}

/** Points that match a filter, by id. Every field that a whole query filters by must be indexed. */
export function matching(collection: FakeCollection, filter: Body) {
  return [...collection.points]
    .map(([id, { payload, vector }]) => ({ id, payload, vector }))
    .filter((point) => meets(collection, point, filter ?? {}))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

export interface Found extends FakePoint {
  id: string
}

function meets(collection: FakeCollection, point: Found, condition: Body): boolean {
  const { must, should, must_not, has_id, is_empty, key, match, range } = condition
  if (has_id) return has_id.includes(point.id)
  if (is_empty) return valuesAt(collection, point, is_empty.key).length === 0
  if (key !== undefined) {
    const values = valuesAt(collection, point, key)
    const type = collection.indexes.get(key)?.type
    if (range && type === 'keyword') throw new Refusal(400, `Index of another type for "${key}"`)
    if (match && type === 'float') throw new Refusal(400, `Index of another type for "${key}"`)
    return values.some((value) => (range ? inRange(value, range) : isOneOf(value, match)))
  }
  const holds = (one: Body) => meets(collection, point, one)
  return (
    (must ?? []).every(holds) &&
    (should === undefined || should.length === 0 || should.some(holds)) &&
    !(must_not ?? []).some(holds)
  )
}

function valuesAt(collection: FakeCollection, { payload }: Found, key: string): unknown[] {
  if (!collection.indexes.has(key) && !UNINDEXED.test(key)) {
    throw new Refusal(400, `Index required but not found for "${key}"`)
  }
  const parts = key.match(/"[^"]*"|[^."]+/g) as string[]
  const value = parts.reduce<Body>((object, part) => object?.[part.replaceAll('"', '')], payload)
  return [value].flat().filter((one) => one !== undefined && one !== null)
}

/** Fields of single records. */
const UNINDEXED = /^(fields\."[^"]*"|present|partial)$/

function inRange(value: unknown, { gt, gte, lt, lte }: Body): boolean {
  return (
    typeof value === 'number' &&
    (gt === undefined || value > gt) &&
    (gte === undefined || value >= gte) &&
    (lt === undefined || value < lt) &&
    (lte === undefined || value <= lte)
  )
}

function isOneOf(value: unknown, { any, value: only }: Body): boolean {
  return any ? any.includes(value) : value === only
}
