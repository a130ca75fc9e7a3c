import type { ToolClass } from '@dify/plugin-sdk-ts'
import { addMemory } from './add_memory.ts'
import { cacheGet } from './cache_get.ts'
import { cacheSet } from './cache_set.ts'
import { deleteMemory } from './delete_memory.ts'
import { entities } from './entities.ts'
import { flushMemory } from './flush_memory.ts'
import { forgetUser } from './forget_user.ts'
import { graph } from './graph.ts'
import { listMemories } from './list_memories.ts'
import { memoryHistory } from './memory_history.ts'
import { profile } from './profile.ts'
import { recordOutcome } from './record_outcome.ts'
import { retrieveMemory } from './retrieve_memory.ts'
import type { HippocacheNode } from './shared/node.ts'
import { updateMemory } from './update_memory.ts'

/**
 * Every node of the plugin, in the order of Dify's menu. To add a node, add:
 * - tools/<name>.ts with its definition, and its entry here;
 * - tools/<name>.yaml with its labels and descriptions in four languages, and its path in provider/hippocache.yaml;
 * - its label in the description of manifest.yaml, and a minimal valid call in test/helpers/tools/scenarios.ts.
 * test/unit/tools/nodes.test.ts fails for each missing or contradictory step.
 */
export const nodes: readonly HippocacheNode[] = [
  addMemory,
  retrieveMemory,
  profile,
  graph,
  entities,
  listMemories,
  updateMemory,
  deleteMemory,
  forgetUser,
  memoryHistory,
  flushMemory,
  cacheGet,
  cacheSet,
  recordOutcome,
]

/** The class of each tool, by the name in its YAML file. */
export const tools: Record<string, ToolClass> = Object.fromEntries(
  nodes.map(({ name, tool }) => [name, tool]),
)
