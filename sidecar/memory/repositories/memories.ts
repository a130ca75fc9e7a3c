import { z } from 'zod'
import type { Write } from '../../ports/records.ts'
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

export function putMemory(scope: string, memory: Memory, dense: Float32Array | undefined): Write {
  return memories.put(scope, memory.id, memory.order, memory, { dense })
}
