import type { JsonObject } from '../ports/records.ts'

export type Role = 'user' | 'assistant' | 'system'

/** Where a memory was said. One memory has several when the same thing was said again. */
export interface Source {
  turn_id: string
  conversation_id: string | null
  turn: number | null
  /** Place of the message within its turn, from 0. */
  ordinal: number
  /** When it was said, epoch milliseconds. */
  at: number
}

/** A memory as it is stored: the payload of a record of the collection `memories`. */
export interface Memory {
  id: string
  text: string
  role: Role
  /** The speaker's name, or the role where no name was given. */
  speaker: string
  agent_id: string | null
  run_id: string | null
  app_id: string | null
  metadata: JsonObject
  /** How the text came about. `verbatim`: kept as it was said, no model was asked. */
  kind: 'verbatim'
  /** Said just before, and part of what the memory is found by; never shown as the memory. */
  context: string | null
  /** Oldest first; never empty. */
  sources: Source[]
  /** Place in a list of the scope: microseconds of the first write, so that the facts of one turn keep their order. */
  order: number
  /** Epoch milliseconds. */
  created_at: number
  updated_at: number
}

/** A memory as the API shows it. */
export interface MemoryView {
  id: string
  memory: string
  user_id: string
  role: Role
  speaker: string
  kind: Memory['kind']
  conversation_id: string | null
  turn: number | null
  /** ISO 8601. */
  at: string
  sources: { conversation_id: string | null; turn: number | null; turn_id: string; at: string }[]
  agent_id: string | null
  run_id: string | null
  app_id: string | null
  metadata: JsonObject
  created_at: string
  updated_at: string
}

export function toView(memory: Memory, userId: string): MemoryView {
  const [first] = memory.sources
  return {
    id: memory.id,
    memory: memory.text,
    user_id: userId,
    role: memory.role,
    speaker: memory.speaker,
    kind: memory.kind,
    conversation_id: first?.conversation_id ?? null,
    turn: first?.turn ?? null,
    at: iso(first?.at ?? memory.created_at),
    sources: memory.sources.map(({ conversation_id, turn, turn_id, at }) => ({
      conversation_id,
      turn,
      turn_id,
      at: iso(at),
    })),
    agent_id: memory.agent_id,
    run_id: memory.run_id,
    app_id: memory.app_id,
    metadata: memory.metadata,
    created_at: iso(memory.created_at),
    updated_at: iso(memory.updated_at),
  }
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
