import { z } from 'zod'
import type { Collection, SparseVector, StoredRecord, Write } from '../../ports/records.ts'
import { sparseOf } from '../../text/terms/sparse.ts'
import { type Memory, memoryFields } from '../model/memory.ts'
import { recordsOf } from './record.ts'

/** A memory with its embedding; without one where the text is new and not embedded yet. */
export interface Held {
  memory: Memory
  dense: Float32Array | undefined
}

export const memorySchema = z.looseObject(memoryFields(z.number()))

const memories = recordsOf('memories', memorySchema, (memory, { dense }): Held => ({ memory, dense }))

export const { get: getMemory, scroll: scrollMemories, read: readMemory, remove: removeMemory } = memories

export function putMemory(
  scope: string,
  memory: Memory,
  dense: Float32Array | undefined,
  sparse: SparseVector = sparseOf(memory),
): Write {
  return memories.put(scope, memory.id, memory.order, memory, { dense, sparse })
}

/** Adds the term weights that are derived from the payload of a memory. */
export function withSearchFields(collection: Collection, record: StoredRecord): StoredRecord {
  if (collection !== 'memories') return record
  const { memory } = readMemory(record)
  return { ...record, sparse: sparseOf(memory) }
}
