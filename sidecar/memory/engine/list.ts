import type { Position, RecordStore } from '../../ports/records.ts'
import type { Predicate } from '../model/filters.ts'
import type { Memory } from '../model/memory.ts'
import { readMemory } from '../repositories/memories.ts'
import { type OnInvalidRecord, tryRead } from '../repositories/record.ts'
import { asOf } from './as-of.ts'

export interface ListOptions {
  limit: number
  accept: Predicate
  after?: Position | undefined
  direction?: 'ascending' | 'descending' | undefined
  /** Once aborted, nothing more is read. */
  signal?: AbortSignal | undefined
}

/** Most memories per request to the store. */
const MAX_PAGE = 1000
/** Memories read for one page at most: a narrow filter on a large scope answers a short page. */
const MAX_SCANNED = 10 * MAX_PAGE

/** A page of the accepted memories, and the position after which the next page begins. */
export async function listMemories(
  records: RecordStore,
  scope: string,
  { limit, accept, after: start, direction, signal }: ListOptions,
  onInvalid: OnInvalidRecord | undefined,
): Promise<{ memories: Memory[]; next: Position | null }> {
  const memories: Memory[] = []
  let after = start
  // One more than the page, to know whether there is another; after that, more at a time: few of them are accepted.
  let size = Math.min(limit + 1, MAX_PAGE)
  for (let scanned = 0; ; size = Math.min(4 * size, MAX_PAGE)) {
    signal?.throwIfAborted()
    const page = await records.scroll('memories', scope, {
      limit: size,
      after,
      direction,
      withVectors: false,
      signal,
    })
    for (const record of page) {
      if (memories.length === limit) return { memories, next: after ?? null }
      after = { order: record.order, id: record.id }
      const memory = tryRead(record, readMemory, onInvalid)?.memory
      if (memory && accept(memory)) memories.push(memory)
    }
    scanned += page.length
    if (page.length < size) return { memories, next: null }
    if (scanned >= MAX_SCANNED) return { memories, next: after ?? null }
  }
}

/** A page of the memories that were valid at a time, each in its version of that time. */
export async function listMemoriesAsOf(
  records: RecordStore,
  scope: string,
  at: number,
  { limit, accept, after, direction = 'ascending', signal }: ListOptions,
  onInvalid: OnInvalidRecord | undefined,
): Promise<{ memories: { memory: Memory; validUntil: number | null }[]; next: Position | null }> {
  const sign = direction === 'ascending' ? 1 : -1
  const compare = (a: Position, b: Position) =>
    sign * (a.order - b.order || (a.id < b.id ? -1 : +(a.id > b.id)))
  const held = (await asOf(records, scope, at, { onInvalid, signal }))
    .map(({ held: { memory }, validUntil }) => ({ memory, validUntil }))
    .filter(({ memory }) => accept(memory) && (after === undefined || compare(memory, after) > 0))
    .sort((a, b) => compare(a.memory, b.memory))
  const memories = held.slice(0, limit)
  const last = memories.at(-1)?.memory
  return { memories, next: last && held.length > limit ? { order: last.order, id: last.id } : null }
}
