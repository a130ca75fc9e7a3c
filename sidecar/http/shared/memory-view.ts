import { z } from '@hono/zod-openapi'
import { firstSaidAt, type Memory, tierOf } from '../../memory/model/memory.ts'
import { toLocalIso } from '../../text/local-time.ts'
import { toIso } from './values.ts'

/** The fields of a memory that a recall returns. */
export const recalledMemory = z.object({
  id: z.string(),
  memory: z.string(),
  role: z.enum(['user', 'assistant', 'system']),
  speaker: z.string(),
  kind: z.enum(['verbatim', 'pending', 'extracted', 'imported']),
  tier: z.enum(['short', 'mid', 'long']),
  topic: z.string().nullable(),
  sub_topic: z.string().nullable(),
  importance: z.number().nullable().describe('1 to 5; null if not rated.'),
  event_date: z.string().nullable(),
  version: z.number(),
  conversation_id: z.string().nullable(),
  turn: z.number().nullable(),
  at: z.string().describe('When it was said, with the UTC offset of the place if known.'),
  agent_id: z.string().nullable(),
  run_id: z.string().nullable(),
  app_id: z.string().nullable(),
  metadata: z.record(z.string(), z.any()).openapi({ type: 'object' }),
  valid_from: z.string(),
  valid_until: z.string().nullable(),
  expires_at: z.string().nullable(),
})

export const memoryView = recalledMemory.extend({
  user_id: z.string(),
  sources: z.array(
    z.object({
      conversation_id: z.string().nullable(),
      turn: z.number().nullable(),
      turn_id: z.string(),
      at: z.string(),
    }),
  ),
  created_at: z.string(),
  updated_at: z.string(),
})

/** @param validUntil end of the validity of this version; `null` for the current version */
export function toRecalledView(memory: Memory, validUntil: number | null = null) {
  const [first] = memory.sources
  return {
    id: memory.id,
    memory: memory.text,
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
    at: toLocalIso(firstSaidAt(memory)),
    agent_id: memory.agent_id,
    run_id: memory.run_id,
    app_id: memory.app_id,
    metadata: memory.metadata,
    valid_from: toIso(memory.valid_from),
    valid_until: toIso(validUntil),
    expires_at: toIso(memory.expires_at),
  }
}

export function toView(memory: Memory, userId: string, validUntil: number | null = null) {
  return {
    ...toRecalledView(memory, validUntil),
    user_id: userId,
    sources: memory.sources.map((source) => ({
      conversation_id: source.conversation_id,
      turn: source.turn,
      turn_id: source.turn_id,
      at: toLocalIso(source),
    })),
    created_at: toIso(memory.created_at),
    updated_at: toIso(memory.updated_at),
  }
}
