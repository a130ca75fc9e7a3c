import type { Scope } from '../../memory/model/scope.ts'
import type { HttpServices } from './services.ts'

/** Erases everything of a user; returns the number of erased records by kind. */
export async function forgetUser(services: HttpServices, scope: Scope): Promise<Record<string, number>> {
  const { engine, buffer, ledger, timeline, derivedOutcomes, experiments } = services
  const removed = await engine.forget(scope)
  await buffer?.reload(scope)
  // The ledger keeps the cost of the calls without the user.
  const anonymised = await ledger.forget(scope)
  const rows = await timeline.forget(scope)
  // Experiments keep their sums without the user.
  derivedOutcomes.forget(scope)
  const units = await experiments.forget(scope)
  return { ...removed, timeline: rows, ledger: anonymised, experiments: units }
}
