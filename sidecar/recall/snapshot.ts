import type { HeldThen } from '../memory/as-of.ts'
import type { Memory } from '../memory/memory.ts'
import type { Held } from '../memory/repositories/memories.ts'
import type { ScopeChange } from '../memory/unit-of-work.ts'
import { letOthersRun } from '../time-slice.ts'
import { type IndexedMemory, ScopeIndex } from './scope-index.ts'

/** All memories of one scope, ready to be ranked in this process. */
export interface Snapshot {
  readonly index: ScopeIndex
  readonly memories: Map<string, Memory>
  /** When each version stopped to hold, epoch milliseconds; only where the snapshot is of the past. */
  readonly validUntil?: ReadonlyMap<string, number>
  /** Parts that were late or broken when it was read, and done without. */
  readonly degraded?: readonly string[]
  /** Another object after every change: what was worked out of the memories holds as long as it is the same. */
  state: object
}

/** How much a signal counts in the ranking; see `ScopeIndex`. */
export type IndexSettings = ConstructorParameters<typeof ScopeIndex>[0]

/** Bytes that a memory takes beside its place in the index, roughly: the record itself. */
export const RECORD_BYTES = 1024

/** Memories between two moments for others: reading a text takes some hundred microseconds. */
const AT_ONCE = 8

/** A snapshot of the given memories, whatever they were taken from. Of ten thousand it takes seconds, in slices. */
export async function buildSnapshot(all: readonly HeldThen[], settings?: IndexSettings): Promise<Snapshot> {
  const validUntil = new Map<string, number>()
  for (const { held, validUntil: until } of all) if (until !== null) validUntil.set(held.memory.id, until)
  const snapshot = { index: new ScopeIndex(settings), memories: new Map(), validUntil, state: {} }
  for (let i = 0; i < all.length; i += AT_ONCE) {
    if (i > 0) await letOthersRun()
    put(
      snapshot,
      all.slice(i, i + AT_ONCE).map(({ held }) => held),
    )
  }
  return snapshot
}

/** Takes over what a commit changed; the same change twice is the same as once. */
export function applyChange(snapshot: Snapshot, { upserted, removed }: ScopeChange): void {
  put(snapshot, upserted)
  for (const id of removed) snapshot.memories.delete(id)
  snapshot.index.remove(removed)
  snapshot.state = {}
}

/** Changes that a snapshot which others read from takes over at one moment; with more it is built anew beside it. */
const MAX_REFRESHED = 200

/**
 * Makes a snapshot one of the given memories. Reading a text costs more than anything else about a snapshot, so what
 * stands there to the letter stays as it is. False: there is too much to change, and nothing was.
 */
export function refreshSnapshot(snapshot: Snapshot, all: readonly Held[]): boolean {
  const changed = all.filter(({ memory, dense }) => {
    const before = snapshot.memories.get(memory.id)
    const isSame = before && isEqual(before, memory) && snapshot.index.isEmbeddedAs(memory.id, dense ?? NONE)
    return !isSame
  })
  const ids = new Set(all.map(({ memory }) => memory.id))
  const removed = [...snapshot.memories.keys()].filter((id) => !ids.has(id))
  if (changed.length > MAX_REFRESHED) return false
  if (changed.length === 0 && removed.length === 0) return true
  put(snapshot, changed)
  for (const id of removed) snapshot.memories.delete(id)
  snapshot.index.remove(removed)
  snapshot.state = {}
  return true
}

const NONE = new Float32Array()

function put({ index, memories }: Snapshot, held: readonly Held[]): void {
  for (const { memory } of held) memories.set(memory.id, memory)
  index.upsert(held.map(({ memory, dense }) => toIndexed(memory, dense ?? NONE)))
}

/** As JSON, because that is how both are stored. */
function isEqual(a: Memory, b: Memory): boolean {
  return a.updated_at === b.updated_at && JSON.stringify(a) === JSON.stringify(b)
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
