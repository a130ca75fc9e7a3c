import type { Collection, SparseVector, StoredRecord } from '../ports/records.ts'
import { sparseOf } from '../text/sparse.ts'
import { fieldsOf } from './filters.ts'
import type { Memory } from './memory.ts'
import { toPayload } from './turns.ts'

/** A current memory in its stored form, with everything that a store can find it by. */
export function toMemoryRecord(
  memory: Memory,
  dense: Float32Array | undefined,
  sparse: SparseVector = sparseOf(memory),
): StoredRecord {
  return {
    id: memory.id,
    order: memory.order,
    payload: toPayload(memory),
    dense,
    sparse,
    fields: fieldsOf(memory),
  }
}

/** Recomputes what a record derives from its payload, before it is written again. */
export function completed(collection: Collection, record: StoredRecord): StoredRecord {
  if (collection !== 'memories') return record
  const memory = record.payload as unknown as Memory
  return { ...record, sparse: sparseOf(memory), fields: fieldsOf(memory) }
}
