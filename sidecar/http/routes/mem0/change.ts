import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { invalid } from '../../../ports/errors.ts'
import type { JsonObject } from '../../../ports/records.ts'
import type { Api } from '../../shared/operation.ts'
import { assertQuota } from '../../shared/quota.ts'
import type { AppEnv } from '../../shared/router.ts'
import * as s from '../../shared/schemas.ts'
import type { HttpServices } from '../../shared/services.ts'
import { omitUndefined } from '../../shared/values.ts'
import { date, ignoredFields, metadata, refused } from './fields.ts'
import { foreignId, scopeOfUser } from './owner.ts'
import { mem0Route } from './route.ts'
import { endOfDay, toMem0, toMem0History } from './view.ts'

const params = { memory_id: foreignId }

const correction = {
  text: s.memoryText.optional(),
  metadata: metadata.optional(),
  expiration_date: date.nullable().optional(),
}

const MAX_BATCH = 1000

function batchOf<F extends Record<string, z.ZodType>>(fields: F) {
  const error = `expected 1 to ${MAX_BATCH} memories`
  const memory = z.strictObject({ memory_id: foreignId, ...fields })
  return { body: { memories: z.array(memory).min(1, { error }).max(MAX_BATCH, { error }) } }
}

type Correction = z.output<z.ZodObject<typeof correction>>
type Id = z.output<typeof foreignId>

const getMemoryRoute = mem0Route(['GET /v1/memories/{memory_id}/'], { params })

const getHistoryRoute = mem0Route(['GET /v1/memories/{memory_id}/history/'], { params })

const updateMemoryRoute = mem0Route(['PUT /v1/memories/{memory_id}/'], {
  params,
  body: {
    ...correction,
    timestamp: refused('a memory keeps the time at which it was said'),
    ...ignoredFields,
  },
})

const deleteMemoryRoute = mem0Route(
  ['DELETE /v1/memories/{memory_id}/'],
  // A memory has its earlier versions within it, so there are no linked memories to delete.
  { params, query: { delete_linked: z.string().optional() } },
)

const updateBatchRoute = mem0Route(
  ['PUT /v1/batch/'],
  batchOf({ text: correction.text, metadata: correction.metadata }),
)

const deleteBatchRoute = mem0Route(['DELETE /v1/batch/'], batchOf({}))

export function changeMem0Routes(api: Api, { engine, intake, quotas }: HttpServices): void {
  getMemoryRoute.handle(api, async ({ memory_id }, c) => {
    const { id, userId } = memory_id
    return toMem0(await engine.get(scopeOfUser(c, userId), id), userId)
  })

  getHistoryRoute.handle(api, async ({ memory_id }, c) => {
    const { id, userId } = memory_id
    const rows = await engine.history(scopeOfUser(c, userId), id)
    return rows.map((row) => toMem0History(row, userId))
  })

  const update = async (c: Context<AppEnv>, { id, userId }: Id, given: Correction) => {
    const { text, metadata, expiration_date } = given
    const scope = scopeOfUser(c, userId)
    await assertQuota(c, quotas, scope, 0)
    const cleaned = text === undefined ? undefined : await intake.cleanCorrection(scope, id, text)
    const changed = omitUndefined({
      text: cleaned?.text,
      metadata: metadata as JsonObject | undefined,
      expires_at: typeof expiration_date === 'string' ? endOfDay(expiration_date) : expiration_date,
    })
    if (Object.keys(changed).length === 0) throw invalid('body', 'text, metadata or expiration_date')
    return (await engine.revise(scope, id, changed, null)).memory
  }

  updateMemoryRoute.handle(api, async ({ memory_id, ...given }, c) => {
    const memory = await update(c, memory_id, given)
    return { ...toMem0(memory, memory_id.userId), text: memory.text }
  })

  deleteMemoryRoute.handle(api, async ({ memory_id }, c) => {
    await engine.remove(scopeOfUser(c, memory_id.userId), memory_id.id)
    return { message: 'Memory deleted successfully!' }
  })

  updateBatchRoute.handle(api, async ({ memories }, c) => {
    for (const { memory_id, ...given } of memories) await update(c, memory_id, given)
    return { message: `Successfully updated ${memories.length} memories` }
  })

  deleteBatchRoute.handle(api, async ({ memories }, c) => {
    for (const { memory_id } of memories) {
      await engine.remove(scopeOfUser(c, memory_id.userId), memory_id.id)
    }
    return { message: `Successfully deleted ${memories.length} memories` }
  })
}
