import type { MemoryEvent } from '../../memory/model/events.ts'
import { getMemory } from '../../memory/repositories/memories.ts'
import { getTurn } from '../../memory/repositories/turns.ts'
import { getEnded } from '../../memory/repositories/versions.ts'
import type { RecordStore } from '../../ports/records.ts'

/** The events of a turn that another process extracted, as they are stored. */
export async function eventsOf(records: RecordStore, scope: string, turnId: string): Promise<MemoryEvent[]> {
  const turn = await getTurn(records, scope, turnId)
  const events: MemoryEvent[] = []
  for (const { event, memory_id } of turn?.effects ?? []) {
    const held = (await getMemory(records, scope, memory_id)) ?? (await getEnded(records, scope, memory_id))
    if (held) events.push({ event, id: memory_id, memory: held.memory.text })
  }
  return events
}
