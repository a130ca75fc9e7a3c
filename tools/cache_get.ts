import { z } from 'zod'
import { CACHE_PARAMETERS, cachePath, cacheWindow } from './shared/cache.ts'
import { defineNode } from './shared/node.ts'
import { plural } from './shared/text.ts'

const BACKEND_DOWN = "The sidecar's cache (Redis) did not answer; the flow continues without the value."

const Answer = z.looseObject({
  status: z.enum(['hit', 'miss', 'stale']),
  reason: z.string().catch(''),
  value: z.unknown().optional(),
  age_turns: z.number().catch(-1),
  age_s: z.number().catch(-1),
})

/** Reads a cached value. A stale value is not returned, so that it cannot reach a prompt. */
export const cacheGet = defineNode({
  name: 'cache_get',
  parameters: CACHE_PARAMETERS,
  outputs: {
    status: 'error',
    value: '',
    value_json: {} as Record<string, unknown>,
    age_turns: -1,
    age_s: -1,
    error: '',
  },
  jsonOutputs: ['status', 'value', 'age_turns', 'age_s', 'error'],
  failureText: 'The cache could not be read.',
  async run(parameters, call) {
    const { status, reason, value, age_turns, age_s } = await call.ask(Answer, {
      method: 'GET',
      path: cachePath(call.caller, parameters),
      query: cacheWindow(call.caller, parameters),
    })
    const hit = status === 'hit' ? value : undefined
    const error = status === 'miss' && reason === 'backend' ? BACKEND_DOWN : ''
    return {
      outputs: { status, value: toText(hit), value_json: toObject(hit), age_turns, age_s, error },
      details: { reason },
      text: error || describeStatus(status, age_turns),
    }
  },
})

function toText(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** The value if it is an object or the JSON text of one; Cache Set stores a bound object as text. */
function toObject(value: unknown): Record<string, unknown> {
  let parsed = value
  if (typeof value === 'string' && value.trimStart().startsWith('{')) {
    try {
      parsed = JSON.parse(value)
    } catch {
      return {}
    }
  }
  return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : {}
}

function describeStatus(status: 'hit' | 'miss' | 'stale', ageTurns: number): string {
  if (status === 'miss') return 'Nothing is cached under this key.'
  if (status === 'stale') return 'The cached value is stale: the chat window has moved past it.'
  return ageTurns < 0
    ? 'Found in the cache.'
    : `Found in the cache, set ${plural(ageTurns, 'turn', 'turns')} ago.`
}
