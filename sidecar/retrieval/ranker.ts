import { asOf as readAsOf } from '../memory/engine/as-of.ts'
import type { Memory } from '../memory/model/memory.ts'
import { readMemoryOnce } from '../memory/repositories/memories.ts'
import { type OnInvalidRecord, tryRead } from '../memory/repositories/record.ts'
import { searchEntriesOf } from '../memory/search/entry.ts'
import { orUnavailable } from '../ports/errors.ts'
import type { Candidate, Condition, RecordStore } from '../ports/records.ts'
import { DAY_MS, type DateRange } from '../text/dates.ts'
import { conditionOf, type Gate } from './gates.ts'
import type { GraphHits } from './graph-signal.ts'
import { type Query, rangesOf, searchTermsOf } from './ranking/query.ts'
import { type Ranked, rank } from './ranking/rank.ts'
import { DEFAULT_SETTINGS, type RankSettings } from './ranking/settings.ts'
import { dotProduct, type SimilarityScale } from './ranking/similarity-scale.ts'

/** Candidates that the store returns from each source, if no more results are asked for. */
const CANDIDATES = 64
/** Best candidates of each source whose neighbours are candidates as well. */
const NEIGHBOURS = 32
/** Candidates relative to the number of results, and those read at a time: some do not pass the gates. */
const READ_AHEAD = 2
/** Largest difference of a local time from UTC. */
const MAX_OFFSET_MS = 14 * 3_600_000

/** A ranking of candidates, whose memories are read as they are needed. */
export interface Ranking {
  ranked: readonly Ranked[]
  /** Whether a candidate has something to do with the query. */
  isRelevant: boolean
  /** Whether the scope has memories that are not among the candidates. */
  hasMore: boolean
  /** Current memories of the given ids, in this order. */
  read: (ids: readonly string[]) => Promise<readonly Memory[]>
  /** With `asOf`: end of validity by memory, epoch milliseconds. */
  validUntil?: ReadonlyMap<string, number> | undefined
}

export interface RankerOptions {
  records: RecordStore
  settings?: RankSettings | undefined
  onInvalidRecord?: OnInvalidRecord | undefined
  /** Epoch milliseconds. */
  now: () => number
  /** The scale of the similarities, once it is known. */
  scale?: ((scope: string) => SimilarityScale | undefined) | undefined
}

export interface RankRequest {
  query: Query
  dense: Float32Array | undefined
  /** What the store checks of the candidates. */
  gates: readonly Gate[]
  /** Number of results that are asked for. */
  topK: number
  /** Ranks the memories that were current at this time, epoch milliseconds. */
  asOf?: number | undefined
  /** Once aborted, no further read starts. */
  signal?: AbortSignal | undefined
  /** What the graph finds. */
  hits?: GraphHits | undefined
}

export type Ranker = ReturnType<typeof createRanker>

/** Ranks the memories of a scope that the store finds for a query. */
export function createRanker({
  records,
  settings = DEFAULT_SETTINGS,
  onInvalidRecord,
  now,
  scale = () => undefined,
}: RankerOptions) {
  async function rankCurrent(
    scope: string,
    { query, dense, gates, topK, hits, signal }: RankRequest,
  ): Promise<Ranking> {
    const found = await orUnavailable(
      records.search(
        scope,
        {
          terms: searchTermsOf(query),
          dense,
          where: conditionOf(gates),
          also: [...rangesOf(query, now()).map(saidWithin), ...foundBy(hits)],
          limit: Math.max(CANDIDATES, READ_AHEAD * topK),
          neighbours: NEIGHBOURS,
        },
        signal,
      ),
    )
    return {
      ...rank(found.candidates, query, found, settings, { scale: scale(scope), strengths: hits?.strengths }),
      hasMore: found.candidates.length < found.total,
      read: async (ids) => {
        const stored = await orUnavailable(found.read(ids))
        return stored.flatMap((record) => tryRead(record, readMemoryOnce, onInvalidRecord) ?? [])
      },
    }
  }

  /** Past versions are not indexed: all of them are read. */
  async function rankPast(
    scope: string,
    { query, dense, hits, signal }: RankRequest,
    asOf: number,
  ): Promise<Ranking> {
    const past = await orUnavailable(readAsOf(records, scope, asOf, { onInvalid: onInvalidRecord, signal }))
    const memories = new Map(past.map(({ held: { memory } }) => [memory.id, memory]))
    const entries = await searchEntriesOf([...memories.values()])
    const candidates = past.map(({ held }, i) => ({
      id: held.memory.id,
      search: entries[i] as Candidate['search'],
      similarity: dense && held.dense ? dotProduct(dense, held.dense) : 0,
    }))
    const validUntil = past.flatMap(({ held, validUntil }) =>
      validUntil === null ? [] : [[held.memory.id, validUntil] as const],
    )
    return {
      ...rank(candidates, query, { total: candidates.length }, settings, {
        scale: scale(scope),
        strengths: hits?.strengths,
      }),
      hasMore: false,
      read: async (ids) => ids.flatMap((id) => memories.get(id) ?? []),
      validUntil: new Map(validUntil),
    }
  }

  return async (scope: string, request: RankRequest): Promise<Ranking> =>
    request.asOf === undefined
      ? await rankCurrent(scope, request)
      : await rankPast(scope, request, request.asOf)
}

/** Yields the ranked memories, best first; those that were removed since the search are left out. */
export async function* walk(
  { ranked, read }: Ranking,
  topK: number,
): AsyncGenerator<Ranked & { memory: Memory }> {
  const size = READ_AHEAD * topK
  for (let from = 0; from < ranked.length; from += size) {
    const some = ranked.slice(from, from + size)
    const byId = new Map(some.map((one) => [one.id, one]))
    for (const memory of await read(some.map(({ id }) => id))) {
      yield { ...(byId.get(memory.id) as Ranked), memory }
    }
  }
}

function foundBy(hits: GraphHits | undefined): Condition[] {
  return hits && hits.strengths.size > 0 ? [{ path: ['id'], equals: [...hits.strengths.keys()] }] : []
}

/** The ranges are local times of unknown offset. */
function saidWithin({ from, to }: DateRange): Condition {
  const range = { gte: from - MAX_OFFSET_MS, lt: to + MAX_OFFSET_MS }
  const days = [{ path: ['event_date'], equals: [new Date(from).toISOString().slice(0, 10)] }]
  return { any: [{ path: ['sources', 0, 'at'], range }, ...(to - from > DAY_MS ? [] : days)] }
}
