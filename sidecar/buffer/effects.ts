import type { MemoryEvent } from '../memory/events.ts'
import type { PastVersion } from '../memory/history.ts'
import type { Memory } from '../memory/memory.ts'
import { readTurn } from '../memory/turns.ts'
import type { RecordStore } from '../ports/records.ts'

/** What came of a turn that somebody else learned from, by what is stored. */
export async function eventsOf(records: RecordStore, scope: string, turnId: string): Promise<MemoryEvent[]> {
  const turn = await readTurn(records, scope, turnId)
  const events: MemoryEvent[] = []
  for (const { event, memory_id } of turn?.effects ?? []) {
    const memory = await textOf(records, scope, memory_id)
    if (memory !== undefined) events.push({ event, id: memory_id, memory })
  }
  return events
}

async function textOf(records: RecordStore, scope: string, id: string): Promise<string | undefined> {
  const current = await records.get('memories', scope, id)
  if (current) return (current.payload as unknown as Memory).text
  const ended = await records.get('versions', scope, id)
  return ended && (ended.payload as unknown as PastVersion).memory.text
}
