import type { ToolClass } from '@dify/plugin-sdk-ts'
import { AddMemory } from './add_memory.ts'
import { CacheGet } from './cache_get.ts'
import { CacheSet } from './cache_set.ts'
import { RetrieveMemory } from './retrieve_memory.ts'

/** The class behind each tool file, by the tool's name. */
export const tools: Record<string, ToolClass> = {
  add_memory: AddMemory,
  retrieve_memory: RetrieveMemory,
  cache_get: CacheGet,
  cache_set: CacheSet,
}
