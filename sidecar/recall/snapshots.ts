import { LRUCache } from 'lru-cache'
import type { HeldThen } from '../memory/as-of.ts'
import type { Memory } from '../memory/memory.ts'
import type { ScopeChange } from '../memory/unit-of-work.ts'
import { type RecordStore, scrollAll } from '../ports/records.ts'
import { type IndexedMemory, ScopeIndex } from './scope-index.ts'

/** All memories of one scope, ready to be ranked in this process. */
export interface Snapshot {
  readonly index: ScopeIndex
  readonly memories: Map<string, Memory>
  /** When each version stopped to hold, epoch milliseconds; only where the snapshot is of the past. */
  readonly validUntil?: ReadonlyMap<string, number>
  /** Another object after every change: what was worked out of the memories holds as long as it is the same. */
  state: object
}

/** How much a signal counts in the ranking; see `ScopeIndex`. */
export type IndexSettings = ConstructorParameters<typeof ScopeIndex>[0]

export interface SnapshotsOptions {
  records: RecordStore
  settings?: IndexSettings
  /** Rough bytes of all snapshots held at once; the least recently used go first. */
  maxBytes: number
}

/** Bytes that a memory takes beside its place in the index, roughly: the record itself. */
const RECORD_BYTES = 1024

/**
 * Snapshots by scope: built from the store when first asked for, kept in step with every commit after that,
 * bounded in memory. Many who ask for one scope at once cause one build.
 */
export class Snapshots {
  readonly #records: RecordStore
  readonly #settings: IndexSettings
  readonly #held: LRUCache<string, { promise: Promise<Snapshot> }>

  #builds = 0

  constructor({ records, maxBytes, settings }: SnapshotsOptions) {
    this.#records = records
    this.#settings = settings
    this.#held = new LRUCache({ maxSize: maxBytes, sizeCalculation: () => RECORD_BYTES })
  }

  async get(scope: string): Promise<Snapshot> {
    const held = this.#held.get(scope)
    if (held) return await held.promise
    const entry = { promise: this.#build(scope) }
    this.#held.set(scope, entry)
    try {
      const snapshot = await entry.promise
      this.#resize(scope, entry, snapshot)
      return snapshot
    } catch (error) {
      // A failed build is not kept: the next query tries again.
      if (this.#held.peek(scope) === entry) this.#held.delete(scope)
      throw error
    }
  }

  /**
   * Takes over what a commit changed. A snapshot under construction takes it when it is built: it may have read
   * the store before the commit or after it, and applying the same change twice is the same as once.
   */
  apply({ scope, upserted, removed, unheard }: ScopeChange): void {
    // Built anew from what the store has when it is next asked for.
    if (unheard) this.#held.delete(scope)
    const entry = this.#held.peek(scope)
    if (!entry) return
    entry.promise = entry.promise.then((snapshot) => {
      for (const { memory } of upserted) snapshot.memories.set(memory.id, memory)
      for (const id of removed) snapshot.memories.delete(id)
      snapshot.index.upsert(upserted.map(({ memory, dense }) => toIndexed(memory, dense)))
      snapshot.index.remove(removed)
      snapshot.state = {}
      this.#resize(scope, entry, snapshot)
      return snapshot
    })
    entry.promise.catch(() => this.#held.delete(scope))
  }

  /** Snapshots held and their rough bytes, and how many were built since the start. */
  get counts(): { held: number; bytes: number; builds: number } {
    return { held: this.#held.size, bytes: this.#held.calculatedSize, builds: this.#builds }
  }

  async #build(scope: string): Promise<Snapshot> {
    this.#builds += 1
    const held: HeldThen[] = []
    for await (const { payload, dense } of scrollAll(this.#records, 'memories', scope)) {
      held.push({ held: { memory: payload as unknown as Memory, dense }, validUntil: null })
    }
    return buildSnapshot(held, this.#settings)
  }

  #resize(scope: string, entry: { promise: Promise<Snapshot> }, { index, memories }: Snapshot): void {
    if (this.#held.peek(scope) !== entry) return
    const size = Math.ceil(index.bytes + memories.size * RECORD_BYTES) + 1
    // Taken out first, because setting the value that is there already leaves its size as it was.
    this.#held.delete(scope)
    // A scope larger than the whole bound is answered from a fresh build each time rather than held.
    this.#held.set(scope, entry, { size })
  }
}

/** A snapshot of the given memories, whatever they were taken from. */
export function buildSnapshot(all: readonly HeldThen[], settings?: IndexSettings): Snapshot {
  const memories = new Map(all.map(({ held: { memory } }) => [memory.id, memory]))
  const validUntil = new Map<string, number>()
  for (const { held, validUntil: until } of all) if (until !== null) validUntil.set(held.memory.id, until)
  const index = new ScopeIndex(settings)
  index.upsert(all.map(({ held: { memory, dense } }) => toIndexed(memory, dense ?? new Float32Array())))
  return { index, memories, validUntil, state: {} }
}

function toIndexed(memory: Memory, dense: Float32Array): IndexedMemory {
  const [said] = memory.sources
  return {
    id: memory.id,
    text: memory.text,
    speaker: memory.speaker,
    role: memory.role,
    conversationId: said?.conversation_id ?? null,
    turn: said?.turn ?? null,
    ordinal: said?.ordinal ?? 0,
    at: said?.at ?? memory.created_at,
    ...(memory.context === null ? {} : { context: memory.context }),
    dense,
  }
}
