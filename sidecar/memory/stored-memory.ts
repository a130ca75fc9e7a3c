import type { Collection, StoredRecord } from '../ports/records.ts'
import { sparseOf } from '../text/sparse.ts'
import { fieldsOf } from './filters.ts'
import type { Memory } from './memory.ts'
import { toPayload } from './turns.ts'

/** A current memory as it is stored, with all that a store can find it by. */
export function toMemoryRecord(memory: Memory, dense: Float32Array | undefined): StoredRecord {
  return {
    id: memory.id,
    order: memory.order,
    payload: toPayload(memory),
    dense,
    sparse: sparseOf(memory.text, memory.context),
    fields: fieldsOf(memory),
  }
}

/** A record of any collection as it is to be stored anew: what follows from its payload is added. */
export function completed(collection: Collection, record: StoredRecord): StoredRecord {
  if (collection !== 'memories') return record
  const memory = record.payload as unknown as Memory
  return { ...record, sparse: sparseOf(memory.text, memory.context), fields: fieldsOf(memory) }
}
