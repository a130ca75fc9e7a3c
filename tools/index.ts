import type { ToolClass } from '@dify/plugin-sdk-ts'
import { AddMemory } from './add_memory.ts'
import { CacheGet } from './cache_get.ts'
import { CacheSet } from './cache_set.ts'
import { DeleteMemory } from './delete_memory.ts'
import { FlushMemory } from './flush_memory.ts'
import { ListMemories } from './list_memories.ts'
import { MemoryHistory } from './memory_history.ts'
import { Profile } from './profile.ts'
import { RetrieveMemory } from './retrieve_memory.ts'
import { UpdateMemory } from './update_memory.ts'

/** The class behind each tool file, by the tool's name. */
export const tools: Record<string, ToolClass> = {
  add_memory: AddMemory,
  retrieve_memory: RetrieveMemory,
  profile: Profile,
  list_memories: ListMemories,
  update_memory: UpdateMemory,
  delete_memory: DeleteMemory,
  memory_history: MemoryHistory,
  flush_memory: FlushMemory,
  cache_get: CacheGet,
  cache_set: CacheSet,
}
