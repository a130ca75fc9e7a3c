import { z } from 'zod'
import { id, jsonObject } from '../model/fields.ts'
import { historyFields } from '../model/history.ts'
import { memoryFields } from '../model/memory.ts'
import { pendingFields } from '../model/pending.ts'
import { conversationFields, turnFields } from '../model/turns.ts'

// The lines of an export: as stored, with times in ISO 8601 and without embeddings. Unknown fields are kept.

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

/** Sort key within the scope, for kinds whose own fields do not contain it. */
const order = z.int().nonnegative()
const memory = z.looseObject(memoryFields(time))
const past = {
  order,
  memory,
  valid_until: time,
  ended: z.boolean(),
  deleted_by_hand: z.literal(true).optional(),
}

/** One exported record. */
export const archived = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('memory'), memory }),
  /** A past version. */
  z.object({ kind: z.literal('version'), ...past }),
  /** A deleted memory, with its last version. */
  z.object({ kind: z.literal('ended'), ...past }),
  z.object({ kind: z.literal('history'), history: z.looseObject(historyFields(time)) }),
  z.object({ kind: z.literal('turn'), turn: z.looseObject(turnFields(time)) }),
  z.object({ kind: z.literal('conversation'), order, conversation: z.looseObject(conversationFields) }),
  /** A request without a turn number, by idempotency key. */
  z.object({ kind: z.literal('call'), id, order, payload: jsonObject }),
  z.object({ kind: z.literal('graph'), id, order, payload: jsonObject }),
  /** A turn that is pending extraction. */
  z.object({ kind: z.literal('pending'), pending: z.looseObject(pendingFields(time)) }),
])

export type Archived = z.output<typeof archived>
export type ArchivedKind = Archived['kind']
