import { z } from '@hono/zod-openapi'
import * as s from '../schemas.ts'

/** Whose memories, and which of them. */
export const narrowing = {
  user_id: s.userId,
  agent_id: s.agentId.optional(),
  run_id: s.runId.optional(),
  app_id: s.appId.optional(),
  conversation_id: s.conversationId.optional(),
}

export const memoryId = z.object({
  id: z.string().max(100).openapi({ description: 'The id of the memory.' }),
})

export const reason = z
  .string()
  .max(500, { error: 'expected at most 500 characters' })
  .optional()
  .openapi({ description: 'Why; kept in the history.', example: 'the user asked for it' })

export const time = (description: string) =>
  z.iso
    .datetime({ offset: true, error: 'expected an ISO 8601 time with a zone' })
    .openapi({ description, example: '2026-03-01T09:30:00Z' })

export const event = z.object({
  event: z.enum(['ADD', 'UPDATE', 'DELETE', 'NOOP']),
  id: z.string(),
  memory: z.string(),
  previous: z.string().optional(),
})

export const waiting = z.object({ turns: z.number(), tokens: z.number() })

/** The fields that are there. */
export function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
