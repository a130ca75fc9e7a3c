import { LRUCache } from 'lru-cache'
import { type Held, scrollMemories } from '../memory/repositories/memories.ts'
import type { OnInvalidRecord } from '../memory/repositories/record.ts'
import type { ScopeChange } from '../memory/unit-of-work.ts'
import { CacheUnavailable } from '../ports/cache-store.ts'
import type { RecordStore } from '../ports/records.ts'
import type { Counters } from '../ports/scope-state.ts'
import { letOthersRun } from '../time-slice.ts'
import { NextRun } from './next-run.ts'
import type { SharedSnapshots } from './shared-snapshots.ts'
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
  /** Rough bytes of all snapshots held at once; the least recently used go first. */
  maxBytes: number
  onInvalidRecord?: OnInvalidRecord | undefined
  /** Where other processes write to the same store. Absent: every change is one of this process. */
  shared?: SharedSnapshots | undefined
}

/** Memories that are read from the store at once, before others have their turn. */
const PAGE = 250

/** What is held of a scope. */
interface Entry {
  /** Of which it holds every change, and perhaps later ones; without a meaning where no other process writes. */
  epoch: number
  promise: Promise<Snapshot>
  /** What the promise came to. */
  snapshot: Snapshot | undefined
}

/**
 * Snapshots by scope: built when first asked for, kept in step with every commit of this process after that, bounded in
 * memory. Many who ask for one scope at once cause one build.
 *
 * Where other processes write to the same store too, each read begins with the epoch of the scope. A snapshot of
 * another one is brought up to date, by what another process has shared of it or else from the store. A change of this
 * process moves what is held on to the next epoch only if that is the very next: then nobody changed anything between.
 */
export class Snapshots {
  readonly #options: SnapshotsOptions
  readonly #held: LRUCache<string, Entry>
  /** Changes that are in the store, and whose epoch is not known yet. */
  readonly #untold = new Set<ScopeChange>()
  readonly #unchecked = new NextRun<Snapshot>()

  #builds = 0
  #loads = 0

  constructor(options: SnapshotsOptions) {
    this.#options = options
    this.#held = new LRUCache({ maxSize: options.maxBytes, sizeCalculation: () => RECORD_BYTES })
  }

  async get(scope: string): Promise<Snapshot> {
    const { shared } = this.#options
    if (!shared) return await (this.#held.get(scope) ?? this.#begin(scope, 0, this.#builder(scope))).promise
    try {
      return await this.#checked(scope, shared)
    } catch (error) {
      if (!(error instanceof CacheUnavailable)) throw error
      // Nobody can say what is up to date, but for the store.
      return await this.#unchecked.run(scope, async () => {
        const { settings } = this.#options
        return { ...(await buildSnapshot(toThen(await this.#scan(scope)), settings)), degraded: ['cache'] }
      })
    }
  }

  /**
   * Takes over what a commit changed, and then the counters that telling of it has moved. In this order: who sees the
   * counters moved must find what moved them.
   */
  async follow(change: ScopeChange, tell: () => Promise<Counters | undefined>): Promise<void> {
    this.#untold.add(change)
    try {
      this.#apply(change)
      const counters = await tell()
      // Of a commit in doubt nobody knows what it changed.
      if (counters && !change.isUncertain) this.moved(change.scope, counters)
    } finally {
      this.#untold.delete(change)
    }
  }

  /** That this process has moved the counters of a scope, and that what is held knows of all that it changed. */
  moved(scope: string, { epoch }: Counters): void {
    const entry = this.#held.peek(scope)
    if (entry && entry.epoch + 1 === epoch) entry.epoch = epoch
  }

  /** Snapshots held and their rough bytes; how many were built from the store since the start, and how many shared by others. */
  get counts(): { held: number; bytes: number; builds: number; loads: number } {
    return {
      held: this.#held.size,
      bytes: this.#held.calculatedSize,
      builds: this.#builds,
      loads: this.#loads,
    }
  }

  /**
   * A snapshot under construction takes a change when it is built: it may have read the store before the commit or
   * after it.
   */
  #apply(change: ScopeChange): void {
    const { scope, isUncertain } = change
    // Built anew from what the store has when it is next asked for.
    if (isUncertain) this.#held.delete(scope)
    const entry = this.#held.peek(scope)
    if (!entry) return
    entry.promise = entry.promise.then((snapshot) => {
      applyChange(snapshot, change)
      this.#resize(scope, entry, snapshot)
      return snapshot
    })
    entry.promise.catch(() => this.#drop(scope, entry))
  }

  async #checked(scope: string, shared: SharedSnapshots): Promise<Snapshot> {
    const read = await shared.read(scope, this.#held.peek(scope)?.epoch)
    const held = this.#held.get(scope)
    if (held && held.epoch >= read.epoch) return await held.promise
    const build = this.#builder(scope)
    const obtain = async (entry: Entry, base: Snapshot | undefined) => {
      const found = await shared.obtain(scope, read, () => this.#scan(scope))
      // It may have been begun later than it was asked for.
      entry.epoch = Math.max(entry.epoch, found.epoch)
      if (found.isLoaded) this.#loads += 1
      return await build(entry, base, found.held)
    }
    return await this.#begin(scope, read.epoch, obtain).promise
  }

  #begin(
    scope: string,
    epoch: number,
    obtain: (entry: Entry, base: Snapshot | undefined) => Promise<Snapshot>,
  ): Entry {
    const base = this.#held.peek(scope)?.snapshot
    const untold = [...this.#untold].filter((change) => change.scope === scope)
    const { promise, resolve } = Promise.withResolvers<Snapshot>()
    const entry: Entry = { epoch, promise, snapshot: undefined }
    this.#held.set(scope, entry)
    entry.promise = promise.then((snapshot) => {
      for (const change of untold) applyChange(snapshot, change)
      entry.snapshot = snapshot
      this.#resize(scope, entry, snapshot)
      return snapshot
    })
    // A failed build is not kept: the next query tries again.
    entry.promise.catch(() => this.#drop(scope, entry))
    resolve(obtain(entry, base))
    return entry
  }

  /** Of given memories, or of those in the store. What is held of before is brought up to date, if there is any. */
  #builder(scope: string) {
    return async (_entry: Entry, base: Snapshot | undefined, given?: Held[]): Promise<Snapshot> => {
      const held = given ?? (await this.#scan(scope))
      if (base && refreshSnapshot(base, held)) return base
      return await buildSnapshot(toThen(held), this.#options.settings)
    }
  }

  async #scan(scope: string): Promise<Held[]> {
    this.#builds += 1
    const held: Held[] = []
    const { records, onInvalidRecord: onInvalid } = this.#options
    // One damaged record must not make the whole scope unavailable.
    for await (const one of scrollMemories(records, scope, { pageSize: PAGE, onInvalid })) {
      held.push(one)
      if (held.length % PAGE === 0) await letOthersRun()
    }
    return held
  }

  #drop(scope: string, entry: Entry): void {
    if (this.#held.peek(scope) === entry) this.#held.delete(scope)
  }

  #resize(scope: string, entry: Entry, { index, memories }: Snapshot): void {
    if (this.#held.peek(scope) !== entry) return
    const size = Math.ceil(index.bytes + memories.size * RECORD_BYTES) + 1
    // Taken out first, because setting the value that is there already leaves its size as it was.
    this.#held.delete(scope)
    // A scope larger than the whole bound is answered from a fresh build each time rather than held.
    this.#held.set(scope, entry, { size })
  }
}

function toThen(held: readonly Held[]) {
  return held.map((one) => ({ held: one, validUntil: null }))
}
