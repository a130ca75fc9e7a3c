import { createRoute, z } from '@hono/zod-openapi'
import type { BufferZone } from '../../buffer/buffer-zone.ts'
import { invalid } from '../../errors.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { Correction, MemoryEngine } from '../../memory/engine.ts'
import { toView } from '../../memory/memory.ts'
import type { JsonObject } from '../../ports/records.ts'
import type { Timeline } from '../../timeline/timeline.ts'
import { router } from '../router.ts'
import * as s from '../schemas.ts'
import { defined, memoryId, reason, time } from './shared.ts'

const MAX_TEXT = 10_000

const label = (what: string, example: string) => s.identifier(what, example).nullable()

/** A day of the calendar, a month or a year: `2026-02-30` is none. */
function isDate(text: string): boolean {
  if (!/^\d{4}(?:-\d{2}(?:-\d{2})?)?$/.test(text)) return false
  const date = new Date(`${text}${'-01-01'.slice(text.length - 4)}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)
}

const update = createRoute({
  method: 'patch',
  path: '/v1/memories/{id}',
  operationId: 'update_memory',
  summary: 'Correct a memory',
  description: 'What it said before stays in its history. Fields that are absent stay as they are.',
  request: {
    params: memoryId,
    body: s.jsonBody(
      z.strictObject({
        user_id: s.userId,
        memory: z
          .string()
          .trim()
          .min(1, { error: 'expected a text that is not empty' })
          .max(MAX_TEXT, { error: `expected at most ${MAX_TEXT} characters` })
          .optional()
          .openapi({ description: 'The new text.', example: 'Ada is allergic to peanuts and cashews.' }),
        topic: label('The topic; null for none.', 'health').optional(),
        sub_topic: label('The sub-topic; null for none.', 'allergies').optional(),
        importance: s
          .wholeNumber(1, 5)
          .nullable()
          .optional()
          .openapi({ description: 'From 1 to 5.', example: 4 }),
        event_date: z
          .string()
          .refine(isDate, { error: 'expected a date: YYYY, YYYY-MM or YYYY-MM-DD' })
          .nullable()
          .optional()
          .openapi({ description: 'When it happened or will.', example: '2026-05' }),
        expires_at: time('After this it is recalled no more; null for never.').nullable().optional(),
        metadata: s.metadata.optional(),
        reason,
      }),
    ),
  },
  responses: s.answers(
    'The memory as it is now.',
    z.object({ status: z.enum(['updated', 'unchanged']), memory: s.memoryView }),
  ),
})

const remove = createRoute({
  method: 'delete',
  path: '/v1/memories/{id}',
  operationId: 'delete_memory',
  summary: 'Delete one memory',
  description:
    'It is recalled no more. Its history stays, and it can be restored; forgetting the user erases both.',
  request: { params: memoryId, query: z.strictObject({ user_id: s.userId, reason }) },
  responses: s.answers('What was deleted.', z.object({ status: z.enum(['deleted']), memory: s.memoryView })),
})

const restore = createRoute({
  method: 'post',
  path: '/v1/memories/{id}/restore',
  operationId: 'restore_memory',
  summary: 'Make an earlier version of a memory the current one, or bring a deleted one back',
  request: {
    params: memoryId,
    body: s.jsonBody(
      z.strictObject({
        user_id: s.userId,
        version: s
          .wholeNumber(1, 2 ** 31 - 1)
          .optional()
          .openapi({
            description: 'The one before the newest, or the last of a deleted one, if absent.',
            example: 1,
          }),
        reason,
      }),
    ),
  },
  responses: s.answers(
    'The memory as it is now.',
    z.object({ status: z.enum(['restored']), memory: s.memoryView }),
  ),
})

const forget = createRoute({
  method: 'delete',
  path: '/v1/memories',
  operationId: 'forget_user',
  summary: 'Forget a user: erase memories, turns, history and all else that is theirs',
  request: { query: z.strictObject({ user_id: s.userId }) },
  responses: s.answers(
    'How many records of each kind are gone.',
    z.object({
      status: z.enum(['forgotten']),
      removed: z.record(z.string(), z.number()).openapi({ type: 'object' }),
    }),
  ),
})

export interface ChangeServices {
  engine: MemoryEngine
  buffer: BufferZone | undefined
  ledger: Ledger
  timeline: Timeline
}

export function changeRoutes({ engine, buffer, ledger, timeline }: ChangeServices) {
  return router()
    .openapi(update, async (c) => {
      const { user_id, memory: text, expires_at, metadata, reason, ...fields } = c.req.valid('json')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      const correction: Correction = defined({
        ...fields,
        text,
        metadata: metadata as JsonObject | undefined,
        expires_at: typeof expires_at === 'string' ? Date.parse(expires_at) : expires_at,
      })
      if (Object.keys(correction).length === 0) {
        throw invalid(
          'body',
          'at least one of memory, topic, sub_topic, importance, event_date, expires_at, metadata',
        )
      }
      const { memory, changed } = await engine.revise(
        scope,
        c.req.valid('param').id,
        correction,
        reason ?? null,
      )
      return c.json(
        { status: changed ? ('updated' as const) : ('unchanged' as const), memory: toView(memory, user_id) },
        200,
      )
    })
    .openapi(remove, async (c) => {
      const { user_id, reason } = c.req.valid('query')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      const memory = await engine.remove(scope, c.req.valid('param').id, reason)
      return c.json({ status: 'deleted' as const, memory: toView(memory, user_id) }, 200)
    })
    .openapi(restore, async (c) => {
      const { user_id, version, reason } = c.req.valid('json')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      const memory = await engine.restore(scope, c.req.valid('param').id, version, reason ?? null)
      return c.json({ status: 'restored' as const, memory: toView(memory, user_id) }, 200)
    })
    .openapi(forget, async (c) => {
      const scope = { namespace: c.get('namespace'), userId: c.req.valid('query').user_id }
      const removed = await engine.forget(scope)
      await buffer?.forgotten(scope)
      // What was spent stays in the sums; whom it was spent on goes.
      const anonymised = await ledger.forget(scope)
      return c.json(
        {
          status: 'forgotten' as const,
          removed: { ...removed, timeline: await timeline.forget(scope), ledger: anonymised },
        },
        200,
      )
    })
}
