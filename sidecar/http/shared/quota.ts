import type { Context } from 'hono'
import type { Scope } from '../../memory/model/scope.ts'
import type { AppEnv } from './router.ts'
import type { HttpServices } from './services.ts'

/**
 * Says in the headers of the answer how much the user may still store.
 * @param memories that the request adds
 * @throws {AppError} `quota_exceeded` when a limit is reached
 */
export async function assertQuota(
  c: Context<AppEnv>,
  quotas: HttpServices['quotas'],
  scope: Scope,
  memories: number,
): Promise<void> {
  const { remaining, exceeded } = await quotas.check(scope, memories)
  for (const [name, left] of Object.entries(remaining)) c.header(`quota-${name}-remaining`, String(left))
  if (exceeded) throw exceeded
}
