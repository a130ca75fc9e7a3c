import { LRUCache } from 'lru-cache'
import type { ScopeChange } from '../memory/engine/unit-of-work.ts'
import { type Held, scrollMemories } from '../memory/repositories/memories.ts'
import type { OnInvalidRecord } from '../memory/repositories/record.ts'
import { CacheUnavailable } from '../ports/cache-store.ts'
import type { RecordStore } from '../ports/records.ts'
import type { Counters } from '../ports/scope-state.ts'
import { SingleFlight } from './single-flight.ts'
import {
  applyChange,
  buildSnapshot,
  type IndexSettings,
  RECORD_BYTES,
  refreshSnapshot,
  type Snapshot,
} from './snapshot.ts'

export interface SnapshotsOptions {
  records: RecordStore
  settings?: IndexSettings | undefined
  /** Approximate bytes of all cached snapshots together; the least recently used are evicted. */
  maxBytes: number
  onInvalidRecord?: OnInvalidRecord | undefined
  /**
   * The current epoch of a scope, given where other processes write to the same store. Rejects with `CacheUnavailable`
   * when it is unknown. Absent: only this process writes.
   */
  readEpoch?: ((scope: string) => Promise<number>) | undefined
}

/** A cached snapshot, or one that is being built. */
interface Entry {
  /** The snapshot includes every change up to this epoch, and possibly later ones. Unused without `readEpoch`. */
  epoch: number
  /** Resolves when all changes so far have been applied. */
  promise: Promise<Snapshot>
}

/**
 * Cached snapshots by scope: built at the first read, updated with every commit of this process, bounded in memory.
 * Concurrent reads of one scope share one build.
 *
 * Where other processes write to the same store, each read asks for the epoch of the scope first and refreshes an
 * older snapshot from the store. A commit of this process moves a snapshot to the next epoch only if that directly
 * follows its own; otherwise another process has written in between.
 */
export class Snapshots {
  readonly #options: SnapshotsOptions
  readonly #cache: LRUCache<string, Entry>
  /** Committed changes whose epoch is not known yet. */
  readonly #unannounced = new Set<ScopeChange>()
  readonly #refreshes = new SingleFlight<Snapshot>()
  readonly #uncachedReads = new SingleFlight<Snapshot>()

  #builds = 0

  constructor(options: SnapshotsOptions) {
    this.#options = options
    this.#cache = new LRUCache({ maxSize: options.maxBytes, sizeCalculation: () => RECORD_BYTES })
  }

  async get(scope: string): Promise<Snapshot> {
    const { readEpoch } = this.#options
    if (!readEpoch) return await (this.#cache.get(scope) ?? this.#build(scope, 0)).promise
    try {
      return await (this.#cachedAt(scope, await readEpoch(scope)) ?? this.#refresh(scope, readEpoch))
    } catch (error) {
      if (!(error instanceof CacheUnavailable)) throw error
      // Without the epoch, only the store is known to be up to date.
      return await this.#uncachedReads.run(scope, async () => {
        const { settings } = this.#options
        return { ...(await buildSnapshot(current(await this.#scan(scope)), settings)), degraded: ['cache'] }
      })
    }
  }

  /**
   * Applies a commit, then announces it. In this order, because a reader that sees the new epoch must find the change
   * in the snapshot.
   */
  async applyAndAnnounce(change: ScopeChange, announce: () => Promise<Counters | undefined>): Promise<void> {
    this.#unannounced.add(change)
    try {
      this.#apply(change)
      const counters = await announce()
      // The effect of a commit in doubt is unknown.
      if (counters && !change.isUncertain) this.advanceEpoch(change.scope, counters)
    } finally {
      this.#unannounced.delete(change)
    }
  }

  /** Called after this process has moved the epoch of a scope for a change that its snapshot includes. */
  advanceEpoch(scope: string, { epoch }: Counters): void {
    const entry = this.#cache.peek(scope)
    if (entry && entry.epoch + 1 === epoch) entry.epoch = epoch
  }

  /** Cached snapshots, their approximate bytes, and how often the store was read for one since the start. */
  get counts(): { held: number; bytes: number; builds: number } {
    return { held: this.#cache.size, bytes: this.#cache.calculatedSize, builds: this.#builds }
  }

  /** A snapshot under construction gets the change as well: its scan may have missed the commit. */
  #apply(change: ScopeChange): void {
    const { scope, isUncertain } = change
    // The next read builds the snapshot from the store.
    if (isUncertain) this.#cache.delete(scope)
    const entry = this.#cache.peek(scope)
    if (entry) this.#applyTo(entry, scope, [change])
  }

  #applyTo(entry: Entry, scope: string, changes: readonly ScopeChange[]): void {
    entry.promise = entry.promise.then(async (snapshot) => {
      for (const change of changes) await applyChange(snapshot, change)
      this.#resize(scope, entry, snapshot)
      return snapshot
    })
    // A failed build is not cached: the next read tries again.
    entry.promise.catch(() => {
      if (this.#cache.peek(scope) === entry) this.#cache.delete(scope)
    })
  }

  #cachedAt(scope: string, epoch: number): Promise<Snapshot> | undefined {
    const entry = this.#cache.get(scope)
    return entry && entry.epoch >= epoch ? entry.promise : undefined
  }

  /** One at a time per scope. The epoch is read again, because an earlier refresh may have been enough. */
  async #refresh(scope: string, readEpoch: (scope: string) => Promise<number>): Promise<Snapshot> {
    return await this.#refreshes.run(scope, async () => {
      const epoch = await readEpoch(scope)
      return await (this.#cachedAt(scope, epoch) ?? this.#build(scope, epoch).promise)
    })
  }

  /** @param epoch read before the store, so that the snapshot includes at least its changes */
  #build(scope: string, epoch: number): Entry {
    const previous = this.#cache.peek(scope)?.promise
    const unannounced = [...this.#unannounced].filter((change) => change.scope === scope)
    const entry: Entry = { epoch, promise: this.#read(scope, previous) }
    this.#applyTo(entry, scope, unannounced)
    this.#cache.set(scope, entry)
    return entry
  }

  /** Refreshes the previous snapshot from the store if possible, otherwise builds a new one. */
  async #read(scope: string, previous: Promise<Snapshot> | undefined): Promise<Snapshot> {
    // Changes that are still being applied to the previous snapshot would otherwise overwrite newer ones.
    const base = await previous?.catch(() => undefined)
    const held = await this.#scan(scope)
    if (base && (await refreshSnapshot(base, held))) return base
    return await buildSnapshot(current(held), this.#options.settings)
  }

  async #scan(scope: string): Promise<Held[]> {
    this.#builds += 1
    const held: Held[] = []
    const { records, onInvalidRecord } = this.#options
    // One damaged record must not make the whole scope unavailable.
    for await (const one of scrollMemories(records, scope, onInvalidRecord)) held.push(one)
    return held
  }

  #resize(scope: string, entry: Entry, { index, memories }: Snapshot): void {
    if (this.#cache.peek(scope) !== entry) return
    const size = Math.ceil(index.bytes + memories.size * RECORD_BYTES) + 1
    // Deleted first: setting a value that is already cached would keep its old size.
    this.#cache.delete(scope)
    // A snapshot larger than `maxBytes` is not cached: each read builds it.
    this.#cache.set(scope, entry, { size })
  }
}

function current(held: readonly Held[]) {
  return held.map((one) => ({ held: one, validUntil: null }))
}
