import { z } from 'zod'
import {
  type Collection,
  type RecordStore,
  type SparseVector,
  type StoredRecord,
  scrollAll,
  type Write,
} from '../../ports/records.ts'
import { sparseOf } from '../../text/terms/sparse.ts'
import type { Memory } from '../model/memory.ts'
import { jsonObject, optionalNumber, optionalText, role } from './fields.ts'
import { getRecord, type OnInvalidRecord, readEach, recordReader, toPayload } from './record.ts'

/** A memory with its embedding; without one where the text is new and not embedded yet. */
export interface Held {
  memory: Memory
  dense: Float32Array | undefined
}

export const memorySchema = z.looseObject({
  id: z.string(),
  text: z.string(),
  role,
  speaker: z.string(),
  agent_id: optionalText,
  run_id: optionalText,
  app_id: optionalText,
  metadata: jsonObject,
  kind: z.enum(['verbatim', 'pending', 'extracted', 'imported']),
  topic: optionalText,
  sub_topic: optionalText,
  importance: optionalNumber,
  event_date: optionalText,
  version: z.number(),
  valid_from: z.number(),
  expires_at: optionalNumber,
  context: optionalText,
  sources: z
    .array(z.looseObject({ turn_id: z.string(), turn: optionalNumber, ordinal: z.number(), at: z.number() }))
    .min(1),
  order: z.number(),
  created_at: z.number(),
  updated_at: z.number(),
})

export const readMemory = recordReader<Memory>('memories', memorySchema)

const readHeld = (record: StoredRecord): Held => ({ memory: readMemory(record), dense: record.dense })

export async function getMemory(store: RecordStore, scope: string, id: string): Promise<Held | undefined> {
  return await getRecord(store, 'memories', scope, id, readHeld)
}

/** All current memories of a scope, in their order. Invalid records are skipped where `onInvalid` is given. */
export function scrollMemories(
  store: RecordStore,
  scope: string,
  onInvalid?: OnInvalidRecord,
): AsyncGenerator<Held> {
  return readEach(scrollAll(store, 'memories', scope), readHeld, onInvalid)
}

export function putMemory(
  scope: string,
  memory: Memory,
  dense: Float32Array | undefined,
  sparse: SparseVector = sparseOf(memory),
): Write {
  const { id, order } = memory
  const put = { id, order, payload: toPayload(memory), dense, sparse }
  return { put, collection: 'memories', scope }
}

/** Adds the term weights that are derived from the payload of a memory. */
export function withSearchFields(collection: Collection, record: StoredRecord): StoredRecord {
  if (collection !== 'memories') return record
  return { ...record, sparse: sparseOf(readMemory(record)) }
}
