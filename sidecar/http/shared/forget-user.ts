import type { Scope } from '../../memory/model/scope.ts'
import type { HttpServices } from './services.ts'

/** Erases what else refers to a user whose memory was erased; answers the number of records by kind. */
export async function forgetTraces(
  { buffer, ledger, timeline, derivedOutcomes, experiments }: HttpServices,
  scope: Scope,
): Promise<{ timeline: number; ledger: number; experiments: number }> {
  await buffer?.reload(scope)
  // The ledger keeps the cost of the calls without the user.
  const anonymised = await ledger.forget(scope)
  const rows = await timeline.forget(scope)
  // Experiments keep their sums without the user.
  derivedOutcomes.forget(scope)
  return { timeline: rows, ledger: anonymised, experiments: await experiments.forget(scope) }
}

/** Erases everything of a user; returns the number of erased records by kind. */
export async function forgetUser(services: HttpServices, scope: Scope): Promise<Record<string, number>> {
  const removed = await services.engine.forget(scope)
  return { ...removed, ...(await forgetTraces(services, scope)) }
}
