import { z } from 'zod'

/*
 * The lines of an export. Times are ISO 8601 in the file and epoch milliseconds in the store; all other fields are as
 * stored. Embeddings are excluded and computed by the import. Unknown fields are kept.
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
const text = z.string().nullable()
const location = { conversation_id: text, turn: z.int().nullable() }
const role = z.enum(['user', 'assistant', 'system'])
const json = z.record(z.string(), z.json())
/** Sort key within the scope, for kinds whose own fields do not contain it. */
const order = z.int().nonnegative()
const version = z.int().positive()

const memory = z.looseObject({
  id,
  text: z.string(),
  role,
  speaker: z.string(),
  agent_id: text,
  run_id: text,
  app_id: text,
  metadata: json,
  kind: z.enum(['verbatim', 'pending', 'extracted', 'imported']),
  topic: text,
  sub_topic: text,
  importance: z.number().nullable(),
  event_date: text,
  version,
  valid_from: time,
  expires_at: time.nullable(),
  context: text,
  sources: z
    .array(z.looseObject({ turn_id: id, ...location, ordinal: z.int().nonnegative(), at: time }))
    .min(1),
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
  before: text,
  after: text,
  actor: z.enum(['verbatim', 'extraction', 'api', 'import']),
  reason: text,
  turn_id: text,
  ...location,
  model: text,
  prompt_version: text,
})

const turn = z.looseObject({
  id,
  ...location,
  agent_id: text,
  run_id: text,
  app_id: text,
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
  learned: z.looseObject({ because: text, at: time }).optional(),
  dropped_at: time.optional(),
  created_at: time,
  updated_at: time,
})

const conversation = z.looseObject({ id, last_turn: z.int().nonnegative(), summary: z.string() })

const pending = z.looseObject({
  turn_id: id,
  ...location,
  revision: z.int().positive(),
  tokens: z.number().nonnegative(),
  at: time,
  attempts: z.int().nonnegative(),
  unreadable: z.int().nonnegative(),
  error: text,
  not_before: time.nullable(),
})

const past = { order, memory, valid_until: time, ended: z.boolean() }

/** One exported record. */
export const archived = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('memory'), memory }),
  /** A past version. */
  z.object({ kind: z.literal('version'), ...past }),
  /** A deleted memory, with its last version. */
  z.object({ kind: z.literal('ended'), ...past }),
  z.object({ kind: z.literal('history'), history }),
  z.object({ kind: z.literal('turn'), turn }),
  z.object({ kind: z.literal('conversation'), order, conversation }),
  /** A request without a turn number, by idempotency key. */
  z.object({ kind: z.literal('call'), id, order, payload: json }),
  z.object({ kind: z.literal('graph'), id, order, payload: json }),
  /** A turn that is pending extraction. */
  z.object({ kind: z.literal('pending'), pending }),
])

export type Archived = z.output<typeof archived>
export type ArchivedKind = Archived['kind']
