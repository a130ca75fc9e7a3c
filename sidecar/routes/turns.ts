import { createRoute, z } from '@hono/zod-openapi'
import type { BufferZone } from '../buffer/buffer-zone.ts'
import { AppError } from '../errors.ts'
import { getTurn } from '../memory/repositories/turns.ts'
import type { Turn } from '../memory/turns.ts'
import type { RecordStore } from '../ports/records.ts'
import { scopeKey } from '../scope.ts'
import { router } from './router.ts'
import * as s from './schemas.ts'
import { stateOf, waitingTurn, waitingView } from './turn-view.ts'

const get = createRoute({
  method: 'get',
  path: '/v1/turns/{id}',
  operationId: 'get_turn',
  summary: 'What has become of a turn',
  request: {
    params: z.object({ id: s.turnId }),
    query: z.strictObject({ user_id: s.userId }),
  },
  responses: s.answers(
    'The turn.',
    z.object({
      ...waitingTurn,
      state: z.enum(['idle', 'processing', 'done', 'failed']),
      outcome: z.enum(['learned', 'kept', 'dropped']).nullable().openapi({
        description: 'Of a turn that is done: learned from, kept as it was said, or dropped.',
      }),
      because: z.string().nullable().openapi({
        description: 'What started the flush that learned from it, or the last one that tried.',
      }),
      done_at: z.string().nullable(),
      memory_ids: z.array(z.string()).openapi({ description: 'The memories that it is a source of.' }),
    }),
  ),
})

export interface TurnServices {
  records: RecordStore
  buffer: BufferZone | undefined
}

export function turnRoutes({ records, buffer }: TurnServices) {
  return router().openapi(get, async (c) => {
    const { id } = c.req.valid('param')
    const scope = { namespace: c.get('namespace'), userId: c.req.valid('query').user_id }
    await buffer?.refresh(scope)
    const waits = buffer?.waitingTurn(scope, id)
    const turn = await getTurn(records, scopeKey(scope), id)
    if (!turn) throw new AppError('not_found', `id: no turn ${JSON.stringify(id)} of this user`)
    // Learned from while it was being read: what is stored is newer.
    if (waits && turn.state !== 'done') {
      const none = { outcome: null, done_at: null, memory_ids: [] }
      return c.json({ ...waitingView(waits), state: stateOf(waits), ...none }, 200)
    }
    return c.json(settledView(turn), 200)
  })
}

function settledView(turn: Turn) {
  const { learned, dropped_at, state } = turn
  const outcome: 'learned' | 'kept' | 'dropped' = learned ? 'learned' : dropped_at ? 'dropped' : 'kept'
  const isDone = state === 'done'
  return {
    turn_id: turn.id,
    conversation_id: turn.conversation_id,
    turn: turn.turn,
    // Stored this very moment, or left by a process that had no model: its words wait.
    state: isDone ? ('done' as const) : state === 'failed' ? ('failed' as const) : ('idle' as const),
    outcome: isDone ? outcome : null,
    attempts: 0,
    because: learned?.because ?? null,
    error: null,
    next_attempt_at: null,
    tokens: 0,
    at: new Date(turn.created_at).toISOString(),
    done_at: isDone ? new Date(learned?.at ?? dropped_at ?? turn.updated_at).toISOString() : null,
    memory_ids: isDone ? turn.memory_ids : [],
  }
}
