import { z } from '@hono/zod-openapi'
import { linkUsers } from '../../../memory/archive/link-users.ts'
import { invalid } from '../../../ports/errors.ts'
import { forgetTraces } from '../../shared/forget-user.ts'
import { type Api, operation, scopeOf } from '../../shared/operation.ts'
import * as s from '../../shared/schemas.ts'
import type { HttpServices } from '../../shared/services.ts'

const linkUsersOperation = operation({
  route: 'POST /v1/users/link',
  operationId: 'link_users',
  summary: 'Join the memory of two user ids, as after a sign-in',
  description:
    'Moves memories, turns, conversations, history and pending turns of from_user_id to to_user_id, then erases from_user_id. Cached blocks of both are renewed at their next recall. Timeline and experiments forget from_user_id; the ledger keeps its costs without the user. A later write to from_user_id starts a new memory of that id: call again to move it. After an interruption, call again to finish.',
  body: { from_user_id: s.userId, to_user_id: s.userId },
  returns: 'Everything was moved.',
  answer: {
    status: z.enum(['linked']),
    moved: z.number().describe('Moved records.'),
    unchanged: z.number().describe('Records that to_user_id had already, as after an interrupted call.'),
  },
})

export function linkRoutes(api: Api, services: HttpServices): void {
  linkUsersOperation.handle(api, async ({ from_user_id, to_user_id }, c) => {
    if (from_user_id === to_user_id) throw invalid('to_user_id', 'another user than from_user_id', to_user_id)
    const from = scopeOf(c, from_user_id)
    const { moved, unchanged, waiting } = await linkUsers(services, from, scopeOf(c, to_user_id))
    await forgetTraces(services, from)
    // The buffer loads the moved turns from the store, as after a restart.
    if (waiting > 0) await services.buffer?.start()
    return { status: 'linked', moved, unchanged }
  })
}
