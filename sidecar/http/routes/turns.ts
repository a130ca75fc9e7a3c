import { z } from '@hono/zod-openapi'
import type { BufferedTurn } from '../../learning/buffer/scope-buffer.ts'
import { scopeKey } from '../../memory/model/scope.ts'
import type { Turn } from '../../memory/model/turns.ts'
import { getTurn } from '../../memory/repositories/turns.ts'
import { AppError } from '../../ports/errors.ts'
import { type Api, operation, scopeOf } from '../shared/operation.ts'
import * as s from '../shared/schemas.ts'
import type { HttpServices } from '../shared/services.ts'
import { toIso } from '../shared/values.ts'

/** `processing` during the model call; a `failed` turn is not retried automatically. */
export const PENDING_STATES = ['idle', 'processing', 'failed'] as const

/** A turn that is not extracted yet. */
export const pendingTurn = {
  turn_id: z.string(),
  conversation_id: z.string().nullable(),
  turn: z.number().nullable(),
  state: z.enum(PENDING_STATES),
  attempts: z.number().describe('Failed extraction attempts.'),
  because: z
    .string()
    .nullable()
    .describe(
      'Trigger of the last attempt: tokens, turns, idle, window, end, explicit …; null before the first.',
    ),
  error: z.string().nullable().describe('Error of the last attempt; null if there is none.'),
  detail: z
    .string()
    .nullable()
    .describe('The error in words, with those of the endpoint but without keys; null if there is none.'),
  next_attempt_at: z
    .string()
    .nullable()
    .describe('null for a failed turn: it is retried only by a replay or a flush.'),
  tokens: z.number(),
  at: z.string().describe('When the turn was accepted.'),
}

export function toPendingView({ not_before, processing, at, ...turn }: BufferedTurn) {
  const state: (typeof PENDING_STATES)[number] = processing
    ? 'processing'
    : not_before === null
      ? 'failed'
      : 'idle'
  return {
    turn_id: turn.turn_id,
    conversation_id: turn.conversation_id,
    turn: turn.turn,
    state,
    attempts: turn.attempts,
    because: turn.because ?? null,
    error: turn.error,
    detail: turn.detail ?? null,
    next_attempt_at: not_before ? toIso(not_before) : null,
    tokens: turn.tokens,
    at: toIso(at),
  }
}

const getTurnOperation = operation({
  route: 'GET /v1/turns/{id}',
  operationId: 'get_turn',
  summary: 'Get the processing state of a turn',
  params: { id: s.turnId },
  query: { user_id: s.userId },
  returns: 'The turn.',
  answer: {
    ...pendingTurn,
    state: z.enum([...PENDING_STATES, 'done']),
    outcome: z
      .enum(['learned', 'kept', 'dropped'])
      .nullable()
      .describe(
        'Set when state is done. learned: memories were extracted; kept: stored verbatim; dropped: discarded.',
      ),
    because: z
      .string()
      .nullable()
      .describe('Trigger of the flush that extracted memories from the turn, or of the last attempt.'),
    done_at: z.string().nullable(),
    memory_ids: z.array(z.string()).describe('Memories that have this turn as a source.'),
  },
})

export function turnRoutes(api: Api, { records, buffer }: HttpServices): void {
  getTurnOperation.handle(api, async ({ id, user_id }, c) => {
    const scope = scopeOf(c, user_id)
    await buffer?.refresh(scope)
    const pending = buffer?.find(scope, id)
    const turn = await getTurn(records, scopeKey(scope), id)
    if (!turn) throw new AppError('not_found', `id: no turn ${JSON.stringify(id)} of this user`)
    // The extraction may have finished between the two reads; the stored turn is newer.
    if (!pending || turn.state === 'done') return toStoredView(turn)
    return { ...toPendingView(pending), outcome: null, done_at: null, memory_ids: [] }
  })
}

function toStoredView(turn: Turn) {
  const { learned, dropped_at, state } = turn
  const outcome: 'learned' | 'kept' | 'dropped' = learned ? 'learned' : dropped_at ? 'dropped' : 'kept'
  const isDone = state === 'done'
  return {
    turn_id: turn.id,
    conversation_id: turn.conversation_id,
    turn: turn.turn,
    // A stored turn without a pending entry was accepted by a process that had no model, or is being enqueued.
    state: isDone ? ('done' as const) : state === 'failed' ? ('failed' as const) : ('idle' as const),
    outcome: isDone ? outcome : null,
    attempts: 0,
    because: learned?.because ?? null,
    error: null,
    detail: null,
    next_attempt_at: null,
    tokens: 0,
    at: toIso(turn.created_at),
    done_at: isDone ? toIso(learned?.at ?? dropped_at ?? turn.updated_at) : null,
    memory_ids: isDone ? turn.memory_ids : [],
  }
}
