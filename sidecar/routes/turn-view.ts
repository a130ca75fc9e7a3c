import { z } from 'zod'
import type { WaitingTurn } from '../buffer/buffer-zone.ts'

/** What is told of a turn that waits to be learned from. */
export const waitingTurn = {
  turn_id: z.string(),
  conversation_id: z.string().nullable(),
  turn: z.number().nullable(),
  attempts: z.number(),
  because: z
    .string()
    .nullable()
    .openapi({ description: 'What started the last attempt: tokens, turns, idle, window, end, explicit …' }),
  error: z.string().nullable().openapi({ description: 'Why the last attempt came to nothing.' }),
  next_attempt_at: z.string().nullable(),
  tokens: z.number(),
  at: z.string(),
}

export type WaitingState = 'idle' | 'processing' | 'failed'

/** `idle` until the model is asked, `processing` while it is; `failed` is not tried again until somebody replays it. */
export function stateOf({ not_before, processing }: WaitingTurn): WaitingState {
  if (processing) return 'processing'
  return not_before === null ? 'failed' : 'idle'
}

export function waitingView(turn: WaitingTurn) {
  return {
    turn_id: turn.turn_id,
    conversation_id: turn.conversation_id,
    turn: turn.turn,
    attempts: turn.attempts,
    because: turn.because ?? null,
    error: turn.error,
    next_attempt_at: turn.not_before ? new Date(turn.not_before).toISOString() : null,
    tokens: turn.tokens,
    at: new Date(turn.at).toISOString(),
  }
}
