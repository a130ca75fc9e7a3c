import { z } from 'zod'
import { orUnavailable } from '../../ports/errors.ts'
import {
  type JsonObject,
  type RecordStore,
  type SearchEntry,
  type StoredRecord,
  scrollPages,
  type Write,
} from '../../ports/records.ts'
import { type Memory, memoryFields } from '../model/memory.ts'
import { type OnInvalidRecord, recordsOf, tryRead } from './record.ts'
import { scan } from './scan.ts'

/** A memory with its embedding; without one where the text is new and not embedded yet. */
export interface Held {
  memory: Memory
  dense: Float32Array | undefined
}

export const memorySchema = z.looseObject(memoryFields(z.number()))

const memories = recordsOf('memories', memorySchema, (memory, { dense }): Held => ({ memory, dense }))

export const { get: getMemory, scroll: scrollMemories, read: readMemory, remove: removeMemory } = memories

/** By payload: a store with a cache returns the same payload again until the memory changes. */
const validated = new WeakMap<JsonObject, Memory>()

/** As `readMemory`, without the embedding; validates a payload once. The caller must not change the memory. */
export function readMemoryOnce(record: StoredRecord): Memory {
  const known = validated.get(record.payload)
  if (known) return known
  const { memory } = readMemory(record)
  validated.set(record.payload, memory)
  return memory
}

/** A memory with everything that is stored with it. */
export async function getMemoryRecord(
  store: Pick<RecordStore, 'get'>,
  scope: string,
  id: string,
): Promise<(Held & { search: SearchEntry | undefined }) | undefined> {
  const record = await store.get('memories', scope, id)
  return record && { ...readMemory(record), search: record.search }
}

export function putMemory(
  scope: string,
  memory: Memory,
  extras: { dense: Float32Array | undefined; search: SearchEntry },
): Write {
  return memories.put(scope, memory.id, memory.order, memory, extras)
}

/**
 * The latest memories of a scope, newest first, each with its prior that it contains a fact, 0…1.
 * @throws {AppError} `backend_unavailable`, or the reason of `signal`
 */
export async function readLatestMemories(
  store: RecordStore,
  scope: string,
  limit: number,
  onInvalid: OnInvalidRecord | undefined,
  signal?: AbortSignal,
): Promise<{ memory: Memory; informative: number }[]> {
  const readAll = async () => {
    const latest: { memory: Memory; informative: number }[] = []
    const options = { direction: 'descending', withVectors: false, signal } as const
    for await (const page of scrollPages(store, 'memories', scope, options)) {
      for (const record of page) {
        const memory = tryRead(record, readMemory, onInvalid)?.memory
        if (memory) latest.push({ memory, informative: Number(record.search?.features['informative'] ?? 0) })
        if (latest.length === limit) return latest
      }
    }
    return latest
  }
  return await orUnavailable(scan(readAll, signal))
}
