import type { ScopeChange } from '../memory/engine/unit-of-work.ts'
import { firstSaidAt, type Memory } from '../memory/model/memory.ts'
import type { Held } from '../memory/repositories/memories.ts'
import { toWallClock } from '../text/local-time.ts'
import { type MemoryReading, type MemoryTexts, readMemories } from './ranking/reading.ts'
import { type IndexedMemory, ScopeIndex } from './ranking/scope-index.ts'

/** All memories of one scope, ready to be ranked in this process. */
export interface Snapshot {
  readonly index: ScopeIndex
  readonly memories: Map<string, Memory>
  /** End of validity by memory, epoch milliseconds; only in a snapshot of the past. */
  readonly validUntil?: ReadonlyMap<string, number>
  /** Backends that were unavailable when the snapshot was read. */
  readonly degraded?: readonly string[]
}

/** Ranking settings; see `ScopeIndex`. */
export type IndexSettings = ConstructorParameters<typeof ScopeIndex>[0]

/** Approximate bytes of a memory record, without its share of the index. */
export const RECORD_BYTES = 1024

export async function buildSnapshot(stored: readonly Held[], settings?: IndexSettings): Promise<Snapshot> {
  const snapshot = { index: new ScopeIndex(settings), memories: new Map() }
  for await (const { items, readings } of readMemories(stored, ({ memory }) => textsOf(memory))) {
    put(snapshot, items, readings)
  }
  return snapshot
}

/** Applies a commit. Applying the same change twice has the effect of applying it once. */
export async function applyChange(snapshot: Snapshot, { upserted, removed }: ScopeChange): Promise<void> {
  replace(snapshot, upserted, await readAll(upserted), removed)
}

/** Maximum number of changes that are applied to a snapshot in use; with more, a new snapshot is built. */
const MAX_REFRESHED = 200

/**
 * Brings a snapshot up to date with the memories of the store. Only changed memories are read again, because reading
 * text is the expensive part. Returns false, and changes nothing, when too much has changed.
 */
export async function refreshSnapshot(snapshot: Snapshot, all: readonly Held[]): Promise<boolean> {
  const changed = all.filter(({ memory, dense }) => {
    const before = snapshot.memories.get(memory.id)
    const isSame = before && isEqual(before, memory) && snapshot.index.isEmbeddedAs(memory.id, dense ?? NONE)
    return !isSame
  })
  const ids = new Set(all.map(({ memory }) => memory.id))
  const removed = [...snapshot.memories.keys()].filter((id) => !ids.has(id))
  if (changed.length > MAX_REFRESHED) return false
  if (changed.length === 0 && removed.length === 0) return true
  replace(snapshot, changed, await readAll(changed), removed)
  return true
}

const NONE = new Float32Array()

async function readAll(stored: readonly Held[]): Promise<MemoryReading[]> {
  const chunks = await Array.fromAsync(readMemories(stored, ({ memory }) => textsOf(memory)))
  return chunks.flatMap(({ readings }) => readings)
}

/** Synchronous, so that no reader of the snapshot sees half a commit. */
function replace(
  snapshot: Snapshot,
  upserted: readonly Held[],
  readings: readonly MemoryReading[],
  removed: readonly string[],
): void {
  put(snapshot, upserted, readings)
  for (const id of removed) snapshot.memories.delete(id)
  snapshot.index.remove(removed)
}

function put(
  { index, memories }: Snapshot,
  stored: readonly Held[],
  readings: readonly MemoryReading[],
): void {
  for (const { memory } of stored) memories.set(memory.id, memory)
  index.upsert(
    stored.map(({ memory, dense }) => toIndexed(memory, dense ?? NONE)),
    readings,
  )
}

/** Compares the stored form, which is JSON. */
function isEqual(a: Memory, b: Memory): boolean {
  return a.updated_at === b.updated_at && JSON.stringify(a) === JSON.stringify(b)
}

function textsOf({ text, speaker, context }: Memory): MemoryTexts {
  return { text, speaker, ...(context === null ? {} : { context }) }
}

function toIndexed(memory: Memory, dense: Float32Array): IndexedMemory {
  const [source] = memory.sources
  return {
    ...textsOf(memory),
    id: memory.id,
    role: memory.role,
    conversationId: source?.conversation_id ?? null,
    turn: source?.turn ?? null,
    ordinal: source?.ordinal ?? 0,
    at: source?.at ?? memory.created_at,
    localAt: toWallClock(firstSaidAt(memory)),
    eventDate: memory.event_date,
    dense,
  }
}
