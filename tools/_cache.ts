import { type Caller, identify, isRuntimeIdentity, locate } from './_caller.ts'
import { integer, name } from './_parameters.ts'

/** What Cache Get and Cache Set have in common. */
export const CACHE_PARAMETERS = {
  key: name('a key').optional(),
  conversation_id: name('the id of a conversation').optional(),
  turn: integer(1).optional(),
  window_size: integer(0, 500).default(10),
}

export type CachePlace =
  | { ok: true; path: string; conversation_id?: string; turn?: number; window_size?: number }
  | { ok: false; message: string }

/**
 * Where a value lives, and the turn it is asked for. The window rule needs conversation and turn; without them only
 * the time to live counts and no window is sent. With `identity: runtime` keys are put under the current user, else a
 * model could read other users' values by guessing keys.
 */
export function cachePlace(
  caller: Caller,
  parameters: {
    key?: string | undefined
    conversation_id?: string | undefined
    turn?: number | undefined
    window_size: number
  },
): CachePlace {
  const { key } = parameters
  // As path segments these two mean a folder, escaped or not.
  if (key === undefined || key === '.' || key === '..')
    return { ok: false, message: `key: expected a name for the value, came ${key ?? 'nothing'}.` }
  const who = isRuntimeIdentity(caller) ? identify(caller, undefined) : undefined
  if (who && !who.ok) return who
  const path = `/v1/cache/${encodeURIComponent((who ? `user:${who.userId}:${key}` : key).toWellFormed())}`
  const { conversation_id, turn } = locate(caller, parameters)
  return {
    ok: true,
    path,
    ...(conversation_id !== undefined && { conversation_id }),
    ...(turn !== undefined && { turn, window_size: parameters.window_size }),
  }
}
