import { createRoute, z } from '@hono/zod-openapi'
import type { BufferZone } from '../../learning/buffer/buffer-zone.ts'
import { scopeKey } from '../../memory/model/scope.ts'
import type { Turn } from '../../memory/model/turns.ts'
import { getTurn } from '../../memory/repositories/turns.ts'
import { AppError } from '../../ports/errors.ts'
import type { RecordStore } from '../../ports/records.ts'
import { router } from '../validation/router.ts'
import * as s from '../validation/schemas.ts'
import { PENDING_STATES, pendingTurn, stateOf, toPendingView } from '../validation/turn-view.ts'
import { toIso } from '../validation/values.ts'

const get = createRoute({
  method: 'get',
  path: '/v1/turns/{id}',
  operationId: 'get_turn',
  summary: 'Get the processing state of a turn',
  request: {
    params: z.object({ id: s.turnId }),
    query: z.strictObject({ user_id: s.userId }),
  },
  responses: s.responses(
    'The turn.',
    z.object({
      ...pendingTurn,
      state: z.enum([...PENDING_STATES, 'done']),
      outcome: z.enum(['learned', 'kept', 'dropped']).nullable().openapi({
        description:
          'Set when state is done. learned: memories were extracted; kept: stored verbatim; dropped: discarded.',
      }),
      because: z.string().nullable().openapi({
        description: 'Trigger of the flush that extracted memories from the turn, or of the last attempt.',
      }),
      done_at: z.string().nullable(),
      memory_ids: z.array(z.string()).openapi({ description: 'Memories that have this turn as a source.' }),
    }),
  ),
})

interface TurnServices {
  records: RecordStore
  buffer: BufferZone | undefined
}

export function turnRoutes({ records, buffer }: TurnServices) {
  return router().openapi(get, async (c) => {
    const { id } = c.req.valid('param')
    const scope = { namespace: c.get('namespace'), userId: c.req.valid('query').user_id }
    await buffer?.refresh(scope)
    const pending = buffer?.find(scope, id)
    const turn = await getTurn(records, scopeKey(scope), id)
    if (!turn) throw new AppError('not_found', `id: no turn ${JSON.stringify(id)} of this user`)
    // The extraction may have finished between the two reads; the stored turn is newer.
    if (pending && turn.state !== 'done') {
      const unset = { outcome: null, done_at: null, memory_ids: [] }
      return c.json({ ...toPendingView(pending), state: stateOf(pending), ...unset }, 200)
    }
    return c.json(toStoredView(turn), 200)
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
    next_attempt_at: null,
    tokens: 0,
    at: toIso(turn.created_at),
    done_at: isDone ? toIso(learned?.at ?? dropped_at ?? turn.updated_at) : null,
    memory_ids: isDone ? turn.memory_ids : [],
  }
}
