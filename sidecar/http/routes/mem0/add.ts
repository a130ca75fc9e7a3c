import { z } from '@hono/zod-openapi'
import { scopeKey } from '../../../memory/model/scope.ts'
import type { MemoryEvent, Turn } from '../../../memory/model/turns.ts'
import { getMemory } from '../../../memory/repositories/memories.ts'
import { getTurn } from '../../../memory/repositories/turns.ts'
import { AppError } from '../../../ports/errors.ts'
import type { JsonObject } from '../../../ports/records.ts'
import { chatMessages, toMessages } from '../../shared/chat-messages.ts'
import type { Api } from '../../shared/operation.ts'
import { assertQuota } from '../../shared/quota.ts'
import * as s from '../../shared/schemas.ts'
import type { HttpServices } from '../../shared/services.ts'
import { toIso } from '../../shared/values.ts'
import { ignoredFields, metadata, refused, timestamp } from './fields.ts'
import { entityFields, foreignId, ownerOf, scopeOfUser, toForeignId } from './owner.ts'
import { mem0Route } from './route.ts'

const RULES = 'set the rules of the app: PUT /v1/rules'

const messages = z.preprocess((given) => {
  if (typeof given === 'string') return [{ role: 'user', content: given }]
  return given !== null && typeof given === 'object' && !Array.isArray(given) ? [given] : given
}, chatMessages)

const body = {
  messages,
  ...entityFields,
  filters: z.strictObject(entityFields).optional(),
  metadata: metadata.optional(),
  infer: z.boolean().default(true),
  timestamp: timestamp.optional(),
  /** false: the answer has the memories, and arrives after the extraction. */
  async_mode: z.boolean().optional(),
  output_format: z.string().optional(),
  ...ignoredFields,
  expiration_date: refused('set it with an update, or set the retention: PUT /v1/rules'),
  custom_instructions: refused(RULES),
  agent_custom_instructions: refused(RULES),
  custom_categories: refused(RULES),
  includes: refused(RULES),
  excludes: refused(RULES),
  structured_data_schema: refused('there is no such extraction'),
  immutable: refused('every memory can be corrected'),
}

const addMemoriesRoute = mem0Route(['POST /v3/memories/add/', 'POST /v1/memories/'], { body })

const getEventRoute = mem0Route(['GET /v1/event/{event_id}/'], { params: { event_id: foreignId } })

export function addMem0Routes(api: Api, { intake, buffer, records, traffic, quotas }: HttpServices): void {
  addMemoriesRoute.handle(api, async (given, c) => {
    const ids = { ...given.filters, ...entitiesOf(given) }
    const userId = ownerOf(ids, 'user_id')
    const scope = scopeOfUser(c, userId)
    const at = given.timestamp === undefined ? undefined : given.timestamp * 1000
    await assertQuota(c, quotas, scope, 1)
    const isSync = given.async_mode === false && buffer !== undefined
    const added = await intake.add(
      scope,
      {
        ...s.toNarrowing(ids),
        messages: toMessages(given.messages).map((message) =>
          at === undefined ? message : { at, ...message },
        ),
        metadata: given.metadata as JsonObject | undefined,
      },
      given.infer ? (isSync ? 'sync' : undefined) : 'verbatim',
    )
    traffic.turn(scope.namespace)
    const results = toResults(added.events, userId)
    if (c.req.path.startsWith('/mem0/v1/') && given.output_format !== 'v1.1') return results
    const isDone = added.status === 'stored'
    return {
      message: isDone ? 'Memories added.' : 'Memories are extracted in the background.',
      status: isDone ? 'SUCCEEDED' : 'PENDING',
      event_id: toForeignId(added.turnId, userId),
      results,
    }
  })

  getEventRoute.handle(api, async (given, c) => {
    const { id, userId } = given.event_id
    const scope = scopeOfUser(c, userId)
    await buffer?.refresh(scope)
    const pending = buffer?.find(scope, id)
    const turn = await getTurn(records, scopeKey(scope), id)
    if (!turn) throw new AppError('not_found', `event_id: no event ${JSON.stringify(id)} of this user`)
    const isDone = turn.state === 'done'
    const status = isDone
      ? 'SUCCEEDED'
      : turn.state === 'failed' || pending?.not_before === null
        ? 'FAILED'
        : pending?.processing
          ? 'RUNNING'
          : 'PENDING'
    return {
      id: toForeignId(id, userId),
      event_type: 'ADD',
      status,
      results: isDone ? toResults(await eventsOf(scopeKey(scope), turn), userId) : [],
      created_at: toIso(turn.created_at),
      updated_at: toIso(turn.updated_at),
      completed_at: isDone ? toIso(turn.updated_at) : null,
    }
  })

  /** What a turn changed, with the current texts of the memories. */
  async function eventsOf(scope: string, turn: Turn): Promise<MemoryEvent[]> {
    const kept = turn.memory_ids.map((memory_id) => ({ event: 'ADD' as const, memory_id }))
    const events: MemoryEvent[] = []
    for (const { event, memory_id } of turn.effects.length > 0 ? turn.effects : kept) {
      const held = await getMemory(records, scope, memory_id)
      events.push({ event, id: memory_id, memory: held?.memory.text ?? '' })
    }
    return events
  }
}

function entitiesOf({ user_id, agent_id, run_id, app_id }: z.output<z.ZodObject<typeof entityFields>>) {
  return Object.fromEntries(
    Object.entries({ user_id, agent_id, run_id, app_id }).filter(([, id]) => id !== undefined),
  )
}

function toResults(events: readonly MemoryEvent[], userId: string) {
  return events.flatMap(({ event, id, memory }) =>
    event === 'NOOP' ? [] : [{ id: toForeignId(id, userId), event, memory, data: { memory } }],
  )
}
