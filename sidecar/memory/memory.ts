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

/**
 * How the text came about. `verbatim`: kept as it was said, no model was asked. `pending`: the same, until the turn
 * has been learned from. `extracted`: a model's fact. `imported`: brought in as a memory.
 */
export type Kind = 'verbatim' | 'pending' | 'extracted' | 'imported'

/** Short: what waits to be learned from. Mid: of one run or conversation. Long: of the user. */
export type Tier = 'short' | 'mid' | 'long'

export function tierOf(memory: Pick<Memory, 'kind' | 'run_id'>): Tier {
  if (memory.kind === 'pending') return 'short'
  return memory.run_id === null ? 'long' : 'mid'
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
  kind: Kind
  /** Topic and sub-topic of the app's schema; `null` where no model sorted the text. */
  topic: string | null
  sub_topic: string | null
  /** From 1, small talk, to 5; `null` where no model judged it. */
  importance: number | null
  /** When it happened or will: `YYYY`, `YYYY-MM` or `YYYY-MM-DD`. */
  event_date: string | null
  /** From 1; counts the texts and fields that this memory has had. */
  version: number
  /** Epoch milliseconds since when this version holds: when it was said, or when somebody corrected it. */
  valid_from: number
  /** Epoch milliseconds after which it is no longer recalled; `null` for never. */
  expires_at: number | null
  /** Said just before, and part of what the memory is found by; never shown as the memory. */
  context: string | null
  /** Oldest first; never empty. */
  sources: Source[]
  /** Place in a list of the scope: microseconds of the first write, so that the facts of one turn keep their order. */
  order: number
  /** Epoch milliseconds. */
  created_at: number
  updated_at: number
  /** Earlier versions of the same content: it came back when what had taken its place was taken back. */
  same_as?: readonly number[] | undefined
  /** Of a past version: nobody stands for it any more, since the turn that said it was replaced. */
  taken_back?: true | undefined
}

/** A memory as the API shows it. */
export interface MemoryView {
  id: string
  memory: string
  user_id: string
  role: Role
  speaker: string
  kind: Kind
  tier: Tier
  topic: string | null
  sub_topic: string | null
  importance: number | null
  event_date: string | null
  version: number
  conversation_id: string | null
  turn: number | null
  /** ISO 8601. */
  at: string
  sources: { conversation_id: string | null; turn: number | null; turn_id: string; at: string }[]
  agent_id: string | null
  run_id: string | null
  app_id: string | null
  metadata: JsonObject
  valid_from: string
  /** When this version stopped to hold; `null` for what is current. */
  valid_until: string | null
  expires_at: string | null
  created_at: string
  updated_at: string
}

export function toView(memory: Memory, userId: string, validUntil: number | null = null): MemoryView {
  const [first] = memory.sources
  return {
    id: memory.id,
    memory: memory.text,
    user_id: userId,
    role: memory.role,
    speaker: memory.speaker,
    kind: memory.kind,
    tier: tierOf(memory),
    topic: memory.topic,
    sub_topic: memory.sub_topic,
    importance: memory.importance,
    event_date: memory.event_date,
    version: memory.version,
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
    valid_from: iso(memory.valid_from),
    valid_until: validUntil === null ? null : iso(validUntil),
    expires_at: memory.expires_at === null ? null : iso(memory.expires_at),
    created_at: iso(memory.created_at),
    updated_at: iso(memory.updated_at),
  }
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
