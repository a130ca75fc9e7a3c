import { LRUCache } from 'lru-cache'
import { orUnavailable } from '../../ports/errors.ts'
import { type RecordStore, scrollPages } from '../../ports/records.ts'
import type { ScopeState } from '../../ports/scope-state.ts'
import { runInSlices } from '../../text/workers/slices.ts'
import type { Predicate } from '../model/filters.ts'
import { readMemory } from '../repositories/memories.ts'
import { type OnInvalidRecord, tryRead } from '../repositories/record.ts'
import { scan } from '../repositories/scan.ts'
import { isEndMarker, readPastVersion } from '../repositories/versions.ts'
import { graphSteps, type Version } from './build.ts'
import type { EntityDictionary } from './dictionary.ts'
import type { Graph } from './types.ts'

/** The graph of a user, and the memories that it is made of, latest first. */
export interface UserGraph {
  graph: Graph
  versions: readonly Version[]
  /** Whether older memories were left out. */
  isPartial: boolean
}

export interface GraphReaderOptions {
  records: RecordStore
  /** Its epoch tells when a graph is out of date. */
  scopeState: Pick<ScopeState, 'counters'>
  /** Entities that are known apart from what memories state. */
  dictionary?: EntityDictionary | undefined
  onInvalidRecord?: OnInvalidRecord | undefined
  /** Epoch milliseconds. */
  now: () => number
}

/** Memories and past versions that a graph is made of, the latest ones of each. */
const MAX_VERSIONS = 10_000
/** Milliseconds after which memories that have expired meanwhile leave a cached graph. */
const MAX_AGE_MS = 60_000
/** Memories of all cached graphs. */
const MAX_CACHED = 100_000

/** Builds graphs from the stored memories, and keeps them until the memories of the user change. */
export class GraphReader {
  readonly #options: GraphReaderOptions
  readonly #cache = new LRUCache<string, { epoch: number; read: UserGraph }>({
    maxSize: MAX_CACHED,
    ttl: MAX_AGE_MS,
    sizeCalculation: ({ read }) => 1 + read.versions.length,
  })

  constructor(options: GraphReaderOptions) {
    this.#options = options
  }

  /**
   * @param accept selects the memories that the graph is made of; absent: all
   * @throws {AppError} `backend_unavailable`, or the reason of `signal`
   */
  async read(scope: string, signal?: AbortSignal, accept?: Predicate): Promise<UserGraph> {
    const read = await this.#readAll(scope, signal)
    if (!accept) return read
    const versions = read.versions.filter(({ memory }) => accept(memory))
    return { ...read, graph: await runInSlices(graphSteps(scope, versions), signal), versions }
  }

  /** The graph that the latest memories of a user state now. Reads no others, so that its cost does not grow with them. */
  async readLatest(scope: string, count: number): Promise<Graph> {
    const { versions } = await orUnavailable(this.#readCurrent(scope, undefined, count))
    return await runInSlices(graphSteps(scope, versions))
  }

  async #readAll(scope: string, signal: AbortSignal | undefined): Promise<UserGraph> {
    // Without the epoch, no cached graph is known to be current.
    const epoch = await this.#options.scopeState.counters(scope).then(
      (counters) => counters.epoch,
      () => undefined,
    )
    const cached = this.#cached(scope, epoch)
    if (cached) return cached
    return await scan(async () => {
      // Another request may have built it meanwhile.
      const built = this.#cached(scope, epoch)
      if (built) return built
      const read = await this.#build(scope, signal)
      if (epoch !== undefined) this.#cache.set(scope, { epoch, read })
      return read
    }, signal)
  }

  #cached(scope: string, epoch: number | undefined): UserGraph | undefined {
    const cached = this.#cache.get(scope)
    return cached && cached.epoch === epoch ? cached.read : undefined
  }

  async #build(scope: string, signal: AbortSignal | undefined): Promise<UserGraph> {
    const current = await orUnavailable(this.#readCurrent(scope, signal, MAX_VERSIONS))
    const past = await orUnavailable(this.#readPast(scope, signal))
    const versions = [...current.versions, ...past.versions]
    const graph = await runInSlices(graphSteps(scope, versions), signal)
    return { graph, versions, isPartial: current.isPartial || past.isPartial }
  }

  async #readCurrent(
    scope: string,
    signal: AbortSignal | undefined,
    limit: number,
  ): Promise<Pick<UserGraph, 'versions' | 'isPartial'>> {
    const { records, dictionary, onInvalidRecord } = this.#options
    const now = this.#options.now()
    const versions: Version[] = []
    const options = { direction: 'descending', withVectors: false, signal } as const
    for await (const page of scrollPages(records, 'memories', scope, options)) {
      for (const record of page) {
        const memory = tryRead(record, readMemory, onInvalidRecord)?.memory
        if (memory && (memory.expires_at === null || memory.expires_at > now))
          versions.push({ memory: dictionary?.extend(memory) ?? memory, validUntil: null, hasEnded: false })
        if (versions.length === limit) return { versions, isPartial: true }
      }
    }
    return { versions, isPartial: false }
  }

  /** Past versions, without those that were never valid and those of memories that were deleted by hand. */
  async #readPast(
    scope: string,
    signal: AbortSignal | undefined,
  ): Promise<Pick<UserGraph, 'versions' | 'isPartial'>> {
    const { records, onInvalidRecord } = this.#options
    const versions: Version[] = []
    const deleted = new Set<string>()
    let count = 0
    const options = { direction: 'descending', withVectors: false, signal } as const
    for await (const page of scrollPages(records, 'versions', scope, options)) {
      for (const record of page) {
        const past = tryRead(record, readPastVersion, onInvalidRecord)?.past
        if (!past) continue
        const { memory, valid_until, ended, deleted_by_hand } = past
        if (isEndMarker(record)) {
          if (deleted_by_hand) deleted.add(memory.id)
        } else if (!memory.taken_back && (memory.relations ?? []).length > 0) {
          versions.push({ memory, validUntil: valid_until, hasEnded: ended })
        }
      }
      count += page.length
      // Both records of a deletion have one sort key, so a cut between them is a page at most.
      if (count >= 2 * MAX_VERSIONS) break
    }
    const kept = versions.filter(({ memory }) => !deleted.has(memory.id))
    return { versions: kept, isPartial: count >= 2 * MAX_VERSIONS }
  }
}
