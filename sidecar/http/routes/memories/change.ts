import { createRoute, z } from '@hono/zod-openapi'
import type { Ledger } from '../../../insight/ledger/ledger.ts'
import type { Timeline } from '../../../insight/timeline/timeline.ts'
import type { BufferZone } from '../../../learning/buffer/buffer-zone.ts'
import type { Correction, MemoryEngine } from '../../../memory/engine/engine.ts'
import { toView } from '../../../memory/model/memory.ts'
import { invalid } from '../../../ports/errors.ts'
import type { JsonObject } from '../../../ports/records.ts'
import { router } from '../../validation/router.ts'
import * as s from '../../validation/schemas.ts'
import { omitUndefined } from '../../validation/values.ts'

/** Accepts a year, a month or a day that exists: `2026-02-30` does not. */
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
  description: 'Absent fields stay unchanged. The history keeps the earlier version.',
  request: {
    params: s.memoryId,
    body: s.jsonBody(
      z.strictObject({
        user_id: s.userId,
        memory: s.memoryText.optional().openapi({
          description: 'The new text, at most 10,000 characters.',
          example: 'Ada is allergic to peanuts and cashews.',
        }),
        topic: s.identifier('The topic; null for none.', 'health').nullable().optional(),
        sub_topic: s.identifier('The sub-topic; null for none.', 'allergies').nullable().optional(),
        importance: s
          .integer(1, 5)
          .nullable()
          .optional()
          .openapi({ description: '1 (low) to 5 (high); null for not rated.', example: 4 }),
        event_date: z
          .string()
          .refine(isDate, { error: 'expected a date: YYYY, YYYY-MM or YYYY-MM-DD' })
          .nullable()
          .optional()
          .openapi({
            description: 'Date of the event: YYYY, YYYY-MM or YYYY-MM-DD; null for none.',
            example: '2026-05',
          }),
        expires_at: s
          .time('The memory is not recalled after this time; null for never.')
          .nullable()
          .optional(),
        metadata: s.metadata.optional(),
        reason: s.reason,
      }),
    ),
  },
  responses: s.responses(
    'The current version of the memory.',
    z.object({ status: z.enum(['updated', 'unchanged']), memory: s.memoryView }),
  ),
})

const remove = createRoute({
  method: 'delete',
  path: '/v1/memories/{id}',
  operationId: 'delete_memory',
  summary: 'Delete one memory',
  description:
    'The memory is not recalled any more. Its history is kept and restore_memory brings it back; forget_user erases both.',
  request: { params: s.memoryId, query: z.strictObject({ user_id: s.userId, reason: s.reason }) },
  responses: s.responses(
    'The deleted memory.',
    z.object({ status: z.enum(['deleted']), memory: s.memoryView }),
  ),
})

const restore = createRoute({
  method: 'post',
  path: '/v1/memories/{id}/restore',
  operationId: 'restore_memory',
  summary: 'Restore an earlier version of a memory, or a deleted memory',
  request: {
    params: s.memoryId,
    body: s.jsonBody(
      z.strictObject({
        user_id: s.userId,
        version: s.positiveInt32.optional().openapi({
          description:
            'The version to restore; default: the one before the newest, or the last one of a deleted memory.',
          example: 1,
        }),
        reason: s.reason,
      }),
    ),
  },
  responses: s.responses(
    'The current version of the memory.',
    z.object({ status: z.enum(['restored']), memory: s.memoryView }),
  ),
})

const forget = createRoute({
  method: 'delete',
  path: '/v1/memories',
  operationId: 'forget_user',
  summary: 'Erase all data of a user: memories, turns, history and everything else',
  request: { query: z.strictObject({ user_id: s.userId }) },
  responses: s.responses(
    'Number of erased records by kind.',
    z.object({
      status: z.enum(['forgotten']),
      removed: z.record(z.string(), z.number()).openapi({ type: 'object' }),
    }),
  ),
})

interface ChangeServices {
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
      const correction: Correction = omitUndefined({
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
      await buffer?.reload(scope)
      // The ledger keeps the cost of the calls without the user.
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
