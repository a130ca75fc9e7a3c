import { z } from 'zod'
import { CACHE_PARAMETERS, cachePath, cacheWindow } from './shared/cache.ts'
import { NodeError } from './shared/failure.ts'
import { defineNode } from './shared/node.ts'
import { integer } from './shared/parameters.ts'

const Answer = z.looseObject({ status: z.literal('stored') })

/**
 * Caches a value. An empty value is skipped: a failed node outputs one, and the cache would serve it for the rest of
 * the window.
 */
export const cacheSet = defineNode({
  name: 'cache_set',
  parameters: {
    ...CACHE_PARAMETERS,
    // Dify sends text; other callers may send JSON values.
    value: z.unknown().optional(),
    ttl_s: integer(1).optional(),
  },
  outputs: { status: 'error', error: '' },
  failureText: 'The value was not cached.',
  async run(parameters, call) {
    const path = cachePath(call.caller, parameters)
    const { value, ttl_s } = parameters
    if (value === undefined)
      return { outputs: { status: 'skipped' }, text: 'Nothing to cache: the value is empty.' }
    const request = {
      method: 'PUT',
      path,
      body: { value, ttl_s, ...cacheWindow(call.caller, parameters) },
    } as const
    const { status, expires_at, serves_until_turn } = await call.ask(Answer, request).catch(async (error) => {
      // The flow replaced the earlier value, so that it must not be read again.
      if (error instanceof NodeError && error.isTooLarge)
        await call.ask(z.unknown(), { method: 'DELETE', path }).catch(() => {})
      throw error
    })
    return { outputs: { status }, details: { expires_at, serves_until_turn }, text: 'The value was cached.' }
  },
})
