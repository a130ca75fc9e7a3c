import type { Memory } from '../memory/model/memory.ts'
import { identityKey } from '../text/identity.ts'

/**
 * Removes pending memories that say the same as an extracted or kept memory, or as an earlier pending one. Each turn
 * has its own pending memories until it is extracted, so a sentence said ten times would fill a context.
 */
export function dropRepeats<T>(
  items: readonly T[],
  memoryOf: (item: T) => Memory,
  shown: Iterable<Memory> = [],
): T[] {
  if (!items.some((item) => isPending(memoryOf(item)))) return [...items]
  const settled = items.map(memoryOf).filter((memory) => !isPending(memory))
  const said = new Set(Array.from([...shown, ...settled], keyOf))
  return items.filter((item) => {
    const memory = memoryOf(item)
    if (!isPending(memory)) return true
    const key = keyOf(memory)
    if (said.has(key)) return false
    said.add(key)
    return true
  })
}

function isPending({ kind }: Memory): boolean {
  return kind === 'pending'
}

function keyOf({ text, speaker, agent_id, run_id, app_id }: Memory): string {
  return JSON.stringify([identityKey(text), speaker, agent_id, run_id, app_id])
}
