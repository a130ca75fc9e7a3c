import { z } from 'zod'

/*
 * The lines of an export. Times are ISO 8601 in the file and epoch milliseconds in the store; everything else is as it
 * is stored, without the embeddings, which are made anew where the file is imported. Fields that a later version adds
 * are kept.
 */

export const FORMAT = 'hippocache-export'
export const FORMAT_VERSION = 1

const time = z.codec(z.string(), z.number(), {
  decode(text, context) {
    const at = Date.parse(text)
    if (!Number.isNaN(at)) return at
    context.issues.push({ code: 'custom', input: text, message: 'expected an ISO 8601 time' })
    return z.NEVER
  },
  encode: (at) => new Date(at).toISOString(),
})

const id = z.string().min(1).max(1024)
const label = z.string().nullable()
const place = { conversation_id: label, turn: z.int().nullable() }
const role = z.enum(['user', 'assistant', 'system'])
const json = z.record(z.string(), z.json())
/** Where the record stands in its scope; not every kind says it in its own fields. */
const order = z.int().nonnegative()
const version = z.int().positive()

const memory = z.looseObject({
  id,
  text: z.string(),
  role,
  speaker: z.string(),
  agent_id: label,
  run_id: label,
  app_id: label,
  metadata: json,
  kind: z.enum(['verbatim', 'pending', 'extracted', 'imported']),
  topic: label,
  sub_topic: label,
  importance: z.number().nullable(),
  event_date: label,
  version,
  valid_from: time,
  expires_at: time.nullable(),
  context: label,
  sources: z.array(z.looseObject({ turn_id: id, ...place, ordinal: z.int().nonnegative(), at: time })).min(1),
  order,
  created_at: time,
  updated_at: time,
  same_as: z.array(version).optional(),
  taken_back: z.literal(true).optional(),
})

const history = z.looseObject({
  memory_id: id,
  event: z.enum(['ADD', 'UPDATE', 'DELETE', 'RESTORE']),
  at: time,
  version,
  before: label,
  after: label,
  actor: z.enum(['verbatim', 'extraction', 'api', 'import']),
  reason: label,
  turn_id: label,
  ...place,
  model: label,
  prompt_version: label,
})

const turn = z.looseObject({
  id,
  ...place,
  agent_id: label,
  run_id: label,
  app_id: label,
  metadata: json,
  messages: z.array(
    z.looseObject({ role, content: z.string(), name: z.string().optional(), at: time.optional() }),
  ),
  remember: z.enum(['user', 'assistant', 'both']),
  state: z.enum(['pending', 'failed', 'done']),
  revision: z.int().positive(),
  memory_ids: z.array(id),
  removed_ids: z.array(id),
  effects: z.array(
    z.looseObject({ event: z.enum(['ADD', 'UPDATE', 'DELETE', 'NOOP']), memory_id: id, version }),
  ),
  learned: z.looseObject({ because: label, at: time }).optional(),
  dropped_at: time.optional(),
  created_at: time,
  updated_at: time,
})

const conversation = z.looseObject({ id, last_turn: z.int().nonnegative(), summary: z.string() })

const pending = z.looseObject({
  turn_id: id,
  ...place,
  revision: z.int().positive(),
  tokens: z.number().nonnegative(),
  at: time,
  attempts: z.int().nonnegative(),
  unreadable: z.int().nonnegative(),
  error: label,
  not_before: time.nullable(),
})

const past = { order, memory, valid_until: time, ended: z.boolean() }

/** What one line of an export holds of a user. */
export const archived = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('memory'), memory }),
  /** A version that holds no more. */
  z.object({ kind: z.literal('version'), ...past }),
  /** A memory that holds no more, with its last version. */
  z.object({ kind: z.literal('ended'), ...past }),
  z.object({ kind: z.literal('history'), history }),
  z.object({ kind: z.literal('turn'), turn }),
  z.object({ kind: z.literal('conversation'), order, conversation }),
  /** A call without a turn number, by its idempotency key. */
  z.object({ kind: z.literal('call'), id, order, payload: json }),
  z.object({ kind: z.literal('graph'), id, order, payload: json }),
  /** A turn that waits to be learned from. */
  z.object({ kind: z.literal('pending'), pending }),
])

export type Archived = z.output<typeof archived>
export type ArchivedKind = Archived['kind']

export const header = z.object({
  kind: z.literal('header'),
  format: z.literal(FORMAT),
  version: z.literal(FORMAT_VERSION),
  user_id: z.string(),
  exported_at: z.string(),
})

export const footer = z.object({ kind: z.literal('footer'), counts: z.record(z.string(), z.number()) })
