import { type Scope, scopeKey } from '../../memory/model/scope.ts'
import type { ScopeBuffer } from './scope-buffer.ts'

/** Users that one client resumes: the turns of the others wait for the next one. */
const MAX_RESUMED = 3

/**
 * A client of this user can run the model now: flushes the turns that are pending after an outage, of this user and of
 * some others of the namespace. Returns whether a flush of the namespace is due or runs.
 */
export function resumeNamespace(
  scopes: ReadonlyMap<string, Pick<ScopeBuffer, 'resume' | 'isFlushing'>>,
  { namespace, userId }: Scope,
): boolean {
  const prefix = scopeKey({ namespace, userId: '' })
  const own = scopes.get(scopeKey({ namespace, userId }))
  let resumed = own?.resume() ? 1 : 0
  let isFlushing = own?.isFlushing ?? false
  for (const [key, buffer] of scopes) {
    if (isFlushing && resumed >= MAX_RESUMED) break
    if (!key.startsWith(prefix)) continue
    if (resumed < MAX_RESUMED && buffer.resume()) resumed += 1
    isFlushing ||= buffer.isFlushing
  }
  return isFlushing
}
