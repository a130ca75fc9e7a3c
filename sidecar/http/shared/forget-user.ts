import type { Scope } from '../../memory/model/scope.ts'
import { forgetTraces } from './forget-traces.ts'
import type { HttpServices } from './services.ts'

/** Erases everything of a user; returns the number of erased records by kind. */
export async function forgetUser(services: HttpServices, scope: Scope): Promise<Record<string, number>> {
  const removed = await services.engine.forget(scope)
  return { ...removed, ...(await forgetTraces(services, scope)) }
}
