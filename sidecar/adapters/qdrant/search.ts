import type { Schemas } from '@qdrant/js-client-rest'
import { LRUCache } from 'lru-cache'
import type {
  Candidate,
  Condition,
  JsonObject,
  SearchQuery,
  SearchResult,
  StoredRecord,
} from '../../ports/records.ts'
import { boundedTo } from '../../text/lru.ts'
import { meets } from '../common/condition.ts'
import { scrollPages } from './connection.ts'
import { type PointPayload, payloadOf, SPARSE, toRecord, VECTOR, within } from './points.ts'
import type { Source } from './scroll.ts'
import { translate } from './search/conditions.ts'
import { decodeEntry, decodeTerms } from './search/entry.ts'

/** Scopes whose number of records is cached. */
const MAX_TOTALS = 10_000
/** Another process may change the number meanwhile. */
const TOTAL_TTL_MS = 60_000

type Filter = Schemas['Filter']
type Request = Schemas['QueryRequest']
type Found = { id: string; score: number; payload: PointPayload }

/** Everything of a candidate except its vectors and a long payload. */
const CANDIDATE = {
  with_payload: {
    include: ['collection', 'scope', 'record_id', 'order', 'payload', 'partial', 'entry'],
  },
}
/** The part of a record on which a condition is tested. */
const TESTED = { with_payload: { include: ['payload', 'large', 'partial'] } }
/** Limit of the records that a search tests in the sidecar, and records per request. */
const MAX_TESTED = 20_000
const PAGE = 1000
const TERMS = { with_payload: { include: ['entry.terms'] } }

/** Searches the memories of a scope with one request. */
export function openSearch({ connection, name, consistency }: Source) {
  /** By scope with more records than a search returns. A scope whose number is unknown has the value 0. */
  const totals = new LRUCache<string, number>({ ...boundedTo(MAX_TOTALS), ttl: TOTAL_TTL_MS })

  async function count(filter: Filter, scope: string): Promise<number> {
    const { count: total } = await connection.run((client) => client.count(name, { filter, exact: true }))
    totals.set(scope, total)
    return total
  }

  async function read(ids: readonly string[]): Promise<Map<string, PointPayload>> {
    if (ids.length === 0) return new Map()
    const request = { ids: [...ids], with_payload: { exclude: ['fields', 'present'] }, ...consistency }
    const points = await connection.run((client) => client.retrieve(name, request))
    return new Map(points.map(({ id, payload }) => [String(id), payload as PointPayload]))
  }

  /** Reads long payloads, which the search has left out. Points that were removed meanwhile are left out. */
  async function complete(found: readonly Found[]): Promise<Found[]> {
    const long = found.filter(({ payload }) => payload.payload === undefined)
    const payloads = await read(long.map(({ id }) => id))
    return found.flatMap((one) => {
      const payload = one.payload.payload === undefined ? payloads.get(one.id) : one.payload
      return payload ? [{ ...one, payload }] : []
    })
  }

  /** Those that meet the condition. Only payloads that Qdrant could not test exactly are tested here. */
  async function keep(found: readonly Found[], where: Condition, isExact: boolean) {
    const isUnsure = ({ payload }: Found) => !isExact || (payload.partial?.length ?? 0) > 0
    const unsure = await complete(found.filter(isUnsure))
    const passing = unsure.filter(({ payload }) => meets(JSON.parse(payloadOf(payload)) as JsonObject, where))
    const accepted = new Map(passing.map((one) => [one.id, one]))
    return found.flatMap((one) => (isUnsure(one) ? (accepted.get(one.id) ?? []) : one))
  }

  /** Point ids of the records that meet the condition; `undefined` if there are too many to test. */
  async function admitted(where: Condition, necessary: Filter): Promise<string[] | undefined> {
    const found: string[] = []
    let tested = 0
    const request = { filter: necessary, limit: PAGE, ...TESTED, ...consistency }
    for await (const points of scrollPages(connection, name, request)) {
      tested += points.length
      if (tested > MAX_TESTED) return undefined
      for (const { id, payload } of points) {
        if (meets(JSON.parse(payloadOf(payload as PointPayload)) as JsonObject, where)) found.push(id)
      }
    }
    return found
  }

  return {
    /** After a commit the number of records of a scope is counted again. */
    forgetTotal(scope: string): void {
      if (totals.has(scope)) totals.set(scope, 0)
    },
    async run(scope: string, query: SearchQuery): Promise<SearchResult> {
      const { dense, where, limit } = query
      const condition = where && translate(where)
      const all: Filter = {
        must: [...within('memories', scope), { key: 'searchable', match: { value: true } }],
      }
      // Point ids are hashes, so the first points by id are a random sample.
      const sample: Request = { filter: all, limit: limit + 1, ...(dense ? TERMS : CANDIDATE) }
      const filter: Filter = condition ? { must: [...(all.must as []), condition.necessary] } : all
      const main = mainRequest(query, filter)
      const known = totals.get(scope)
      const [results, counted] = await Promise.all([
        connection.run((client) =>
          client.queryBatch(name, { searches: main ? [sample, main] : [sample], ...consistency }),
        ),
        known === 0 ? count(all, scope) : known,
      ])
      const [sampled = [], best = []] = results.map(toFound)
      const isSmall = sampled.length <= limit
      const total = isSmall ? sampled.length : counted || (await count(all, scope))
      // Without an embedding, the best points of a small scope lack those without a query term.
      const isComplete = isSmall && !dense
      const candidates = isComplete ? sampled : best
      const isExact = condition === undefined || (condition.isExact && !isComplete)
      let found = where ? await keep(candidates, where, isExact) : candidates
      // Rejected candidates may have displaced others.
      if (where && main && !isSmall && found.length < candidates.length) {
        const ids = await admitted(where, filter)
        const narrowed = ids && mainRequest(query, { must: [{ has_id: ids }] })
        if (narrowed)
          found = toFound(
            await connection.run((client) => client.query(name, { ...narrowed, ...consistency })),
          )
      }
      const byId = new Map(found.map((one) => [one.payload.record_id, one]))
      return {
        candidates: found.map((one) => toCandidate(one, dense !== undefined)),
        total,
        frequencies: frequenciesIn(sampled, query.terms, total),
        async read(ids) {
          const wanted = await complete(ids.flatMap((id) => byId.get(id) ?? []))
          return wanted.flatMap(({ id, payload }): StoredRecord[] => {
            const record = toRecord({ id, payload }, 'memories', scope)
            return record ? [record] : []
          })
        },
      }
    },
  }
}

/** The search for the best records, with the exact similarity as their score; `undefined` if there is nothing to search by. */
function mainRequest({ terms, dense, also = [], limit }: SearchQuery, filter: Filter): Request | undefined {
  const prefetch: Schemas['Prefetch'][] = []
  const vector = dense && Array.from(dense)
  if (vector) prefetch.push({ query: vector, using: VECTOR, filter, limit })
  if (terms.size > 0) {
    const sparse = { indices: [...terms.keys()], values: [...terms.values()] }
    prefetch.push({ query: sparse, using: SPARSE, filter, limit })
  }
  if (also.length > 0) {
    const any = translate({ any: also }).necessary
    const latest = { order_by: { key: 'order', direction: 'desc' as const } }
    prefetch.push({ query: latest, filter: { must: [...(filter.must as []), any] }, limit })
  }
  if (prefetch.length === 0) return undefined
  const last = vector ? { query: vector, using: VECTOR } : { query: { fusion: 'rrf' as const } }
  return { prefetch, ...last, limit: prefetch.length * limit, ...CANDIDATE }
}

function toFound({ points }: Schemas['QueryResponse']): Found[] {
  return points.map(({ id, score, payload }) => ({ id: String(id), score, payload: payload as PointPayload }))
}

function toCandidate({ score, payload }: Found, isSimilarity: boolean): Candidate {
  const { record_id: id, order, entry } = payload
  const search = decodeEntry(entry as NonNullable<typeof entry>)
  return { id, order: Number(order), search, similarity: isSimilarity ? score : 0 }
}

/** The number of records with each term, estimated from a sample of the scope. */
function frequenciesIn(
  sample: readonly Found[],
  terms: SearchQuery['terms'],
  total: number,
): Map<number, number> {
  const counts = new Map([...terms.keys()].map((term) => [term, 0]))
  for (const { payload } of sample) {
    for (const term of new Set(decodeTerms(payload.entry?.terms ?? ''))) {
      const known = counts.get(term)
      if (known !== undefined) counts.set(term, known + 1)
    }
  }
  const share = sample.length === 0 ? 0 : total / sample.length
  return new Map([...counts].map(([term, known]) => [term, Math.round(known * share)]))
}
