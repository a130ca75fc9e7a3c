import { z } from 'zod'
import type { BufferedTurn } from '../../learning/buffer/scope-buffer.ts'
import { toIso } from './values.ts'

/** Fields of a turn that is not extracted yet. */
export const pendingTurn = {
  turn_id: z.string(),
  conversation_id: z.string().nullable(),
  turn: z.number().nullable(),
  attempts: z.number().openapi({ description: 'Failed extraction attempts.' }),
  because: z.string().nullable().openapi({
    description:
      'Trigger of the last attempt: tokens, turns, idle, window, end, explicit …; null before the first.',
  }),
  error: z.string().nullable().openapi({ description: 'Error of the last attempt; null if there is none.' }),
  next_attempt_at: z
    .string()
    .nullable()
    .openapi({ description: 'null for a failed turn: it is retried only by a replay or a flush.' }),
  tokens: z.number(),
  at: z.string().openapi({ description: 'When the turn was accepted.' }),
}

export const PENDING_STATES = ['idle', 'processing', 'failed'] as const

/** `processing` during the model call; a `failed` turn is not retried automatically. */
export function stateOf({ not_before, processing }: BufferedTurn): (typeof PENDING_STATES)[number] {
  if (processing) return 'processing'
  return not_before === null ? 'failed' : 'idle'
}

export function toPendingView(turn: BufferedTurn) {
  return {
    turn_id: turn.turn_id,
    conversation_id: turn.conversation_id,
    turn: turn.turn,
    attempts: turn.attempts,
    because: turn.because ?? null,
    error: turn.error,
    next_attempt_at: turn.not_before ? toIso(turn.not_before) : null,
    tokens: turn.tokens,
    at: toIso(turn.at),
  }
}
