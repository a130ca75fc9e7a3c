import { type Caller, resolveTurn, resolveUser } from './caller.ts'
import { NodeError } from './failure.ts'
import { integer, name, turnNumber } from './parameters.ts'

/** The parameters that Cache Get and Cache Set share. */
export const CACHE_PARAMETERS = {
  key: name('a key').optional(),
  conversation_id: name('the id of a conversation').optional(),
  turn: turnNumber(),
  window_size: integer(0, 500).default(10),
}

interface CacheParameters {
  key?: string | undefined
  conversation_id?: string | undefined
  turn?: number | undefined
  window_size: number
}

/** The URL path of a value. Throws `NodeError` for a key that cannot be a path segment. */
export function cachePath(caller: Caller, { key }: CacheParameters): string {
  if (key === undefined || key === '.' || key === '..')
    throw new NodeError(`key: expected a name for the value, got ${key ?? 'nothing'}.`)
  // Under `identity: runtime` keys are private to the user, because a model could guess the keys of other users.
  const scoped = caller.isRuntimeIdentity ? `user:${resolveUser(caller, undefined)}:${key}` : key
  return `/v1/cache/${encodeURIComponent(scoped.toWellFormed())}`
}

/** The fields of the window rule. Without a turn only the time to live counts, and no window is sent. */
export function cacheWindow(caller: Caller, parameters: CacheParameters) {
  const { conversation_id, turn } = resolveTurn(caller, parameters)
  return { conversation_id, turn, window_size: turn === undefined ? undefined : parameters.window_size }
}
