import type { Turn } from '../turns.ts'
import type { UnitOfWork } from '../unit-of-work.ts'

/**
 * Whether somebody deleted a memory after all of these turns had come in: then they do not bring it back, whatever
 * they say, while a turn that says it anew afterwards does.
 */
export async function wasRemovedSince(
  unit: UnitOfWork,
  id: string,
  turns: readonly Turn[],
): Promise<boolean> {
  const ended = (await unit.find(id)) ? undefined : await unit.findEnded(id)
  if (!ended || (await unit.endedBy(id, ended.memory.version)) !== 'api') return false
  return turns.every(({ updated_at }) => updated_at < ended.valid_until)
}
