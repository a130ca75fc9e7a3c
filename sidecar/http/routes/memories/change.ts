import { z } from '@hono/zod-openapi'
import type { Correction } from '../../../memory/engine/engine.ts'
import { invalid } from '../../../ports/errors.ts'
import type { JsonObject } from '../../../ports/records.ts'
import { forgetUser } from '../../shared/forget-user.ts'
import { memoryView, toView } from '../../shared/memory-view.ts'
import { type Api, operation, scopeOf } from '../../shared/operation.ts'
import { assertQuota } from '../../shared/quota.ts'
import * as s from '../../shared/schemas.ts'
import type { HttpServices } from '../../shared/services.ts'
import { omitUndefined, toCleaned } from '../../shared/values.ts'

/** Accepts a year, a month or a day that exists: `2026-02-30` does not. */
function isDate(text: string): boolean {
  if (!/^\d{4}(?:-\d{2}(?:-\d{2})?)?$/.test(text)) return false
  const date = new Date(`${text}${'-01-01'.slice(text.length - 4)}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)
}

const updateMemoryOperation = operation({
  route: 'PATCH /v1/memories/{id}',
  operationId: 'update_memory',
  summary: 'Correct a memory',
  description: 'Absent fields stay unchanged. The history keeps the earlier version.',
  params: { id: s.memoryId },
  body: {
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
    expires_at: s.time('The memory is not recalled after this time; null for never.').nullable().optional(),
    metadata: s.metadata.optional(),
    reason: s.reason,
  },
  returns: 'The current version of the memory.',
  answer: {
    status: z.enum(['updated', 'unchanged']),
    memory: memoryView,
    degraded: s.degraded,
    cleaned: s.cleaned,
  },
})

const deleteMemoryOperation = operation({
  route: 'DELETE /v1/memories/{id}',
  operationId: 'delete_memory',
  summary: 'Delete one memory',
  description:
    'The memory is not recalled any more. Its history is kept and restore_memory brings it back; forget_user erases both.',
  params: { id: s.memoryId },
  query: { user_id: s.userId, reason: s.reason },
  returns: 'The deleted memory.',
  answer: { status: z.enum(['deleted']), memory: memoryView },
})

const restoreMemoryOperation = operation({
  route: 'POST /v1/memories/{id}/restore',
  operationId: 'restore_memory',
  summary: 'Restore an earlier version of a memory, or a deleted memory',
  params: { id: s.memoryId },
  body: {
    user_id: s.userId,
    version: s.positiveInt32.optional().openapi({
      description:
        'The version to restore; default: the one before the newest, or the last one of a deleted memory.',
      example: 1,
    }),
    reason: s.reason,
  },
  returns: 'The current version of the memory.',
  answer: { status: z.enum(['restored']), memory: memoryView, degraded: s.degraded },
})

const forgetUserOperation = operation({
  route: 'DELETE /v1/memories',
  operationId: 'forget_user',
  summary: 'Erase all data of a user: memories, turns, history and everything else',
  query: { user_id: s.userId },
  returns: 'Number of erased records by kind.',
  answer: {
    status: z.enum(['forgotten']),
    removed: z.record(z.string(), z.number()).openapi({ type: 'object' }),
  },
})

export function changeRoutes(api: Api, services: HttpServices): void {
  const { engine, intake, quotas } = services
  updateMemoryOperation.handle(
    api,
    async ({ id, user_id, memory: text, expires_at, metadata, reason = null, ...fields }, c) => {
      const scope = scopeOf(c, user_id)
      await assertQuota(c, quotas, scope, 0)
      const cleaned = text === undefined ? undefined : await intake.cleanCorrection(scope, id, text)
      const correction: Correction = omitUndefined({
        ...fields,
        text: cleaned?.text,
        metadata: metadata as JsonObject | undefined,
        expires_at: typeof expires_at === 'string' ? Date.parse(expires_at) : expires_at,
      })
      if (Object.keys(correction).length === 0) {
        throw invalid(
          'body',
          'at least one of memory, topic, sub_topic, importance, event_date, expires_at, metadata',
        )
      }
      const { memory, changed, degraded } = await engine.revise(scope, id, correction, reason)
      return {
        status: changed ? 'updated' : 'unchanged',
        memory: toView(memory, user_id),
        degraded,
        cleaned: cleaned && toCleaned(cleaned.counts),
      }
    },
  )

  deleteMemoryOperation.handle(api, async ({ id, user_id, reason }, c) => {
    const memory = await engine.remove(scopeOf(c, user_id), id, reason)
    return { status: 'deleted', memory: toView(memory, user_id) }
  })

  restoreMemoryOperation.handle(api, async ({ id, user_id, version, reason = null }, c) => {
    const scope = scopeOf(c, user_id)
    await assertQuota(c, quotas, scope, 0)
    const { memory, degraded } = await engine.restore(scope, id, version, reason)
    return { status: 'restored', memory: toView(memory, user_id), degraded }
  })

  forgetUserOperation.handle(api, async ({ user_id }, c) => {
    return { status: 'forgotten', removed: await forgetUser(services, scopeOf(c, user_id)) }
  })
}
