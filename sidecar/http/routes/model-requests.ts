import { z } from '@hono/zod-openapi'
import type { ModelAnswer } from '../../ports/language-model.ts'
import { type Api, operation, scopeOf } from '../shared/operation.ts'
import * as s from '../shared/schemas.ts'
import type { HttpServices } from '../shared/services.ts'

const MAX_WAIT_MS = 25_000
/** Interval at which a waiting request checks whether an extraction is still due, milliseconds. */
const RECHECK_MS = 250

const tokens = z.int().min(0).default(0)

const answer = z.strictObject({
  id: z.string(),
  error: z.string().optional().describe('Why there is no completion; the other fields are not read then.'),
  text: z.string().default(''),
  finish: z.enum(['stop', 'length', 'refused', 'other']).default('stop'),
  model: z.string().default('dify').describe('For the ledger.'),
  tokens_in: tokens,
  tokens_out: tokens,
})

const takeModelRequestOperation = operation({
  route: 'POST /v1/model-requests',
  operationId: 'take_model_request',
  summary: 'Take a model request of the sidecar, and answer the previous one',
  description:
    'For clients that run the model of a sidecar with LLM_MODEL=dify, such as the nodes of the plugin. Extraction that failed for lack of a client is tried again, first that of this user.',
  body: {
    user_id: s.userId,
    wait_ms: z
      .int()
      .min(0)
      .max(MAX_WAIT_MS)
      .default(0)
      .describe('How long to wait for a request that is expected, at most 25,000 ms.'),
    expected: z
      .boolean()
      .default(false)
      .describe('Waits although no extraction is due, because another call of the client causes one.'),
    answer: answer.optional().describe('The answer to the request that was taken before.'),
  },
  returns: 'The next request.',
  answer: {
    enabled: z.boolean().describe('Whether the sidecar uses a model of Dify.'),
    accepted: z
      .boolean()
      .nullable()
      .describe('false: the answer was too late, and its request is repeated. null without an answer.'),
    request: z
      .object({
        id: z.string(),
        messages: z.array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })),
        max_output_tokens: z.number(),
      })
      .nullable()
      .describe('null: no request is expected.'),
  },
})

export function modelRequestRoutes(api: Api, { modelRequests, buffer }: HttpServices): void {
  takeModelRequestOperation.handle(api, async ({ user_id, wait_ms, expected, answer }, c) => {
    if (!modelRequests || !buffer) return { enabled: false, accepted: null, request: null }
    const scope = scopeOf(c, user_id)
    const { namespace } = scope
    const accepted = answer ? modelRequests.answer(namespace, answer.id, toAnswer(answer)) : null
    let leftMs = buffer.resume(scope) || expected ? wait_ms : 0
    let request: Awaited<ReturnType<typeof modelRequests.take>>
    do {
      request = await modelRequests.take(namespace, Math.min(leftMs, RECHECK_MS), c.req.raw.signal)
      leftMs -= RECHECK_MS
    } while (!request && leftMs > 0 && (expected || buffer.resume(scope)))
    if (!request) return { enabled: true, accepted, request: null }
    const { id, messages, maxOutputTokens } = request
    const view = { id, messages: [...messages], max_output_tokens: maxOutputTokens }
    return { enabled: true, accepted, request: view }
  })
}

function toAnswer({ error, text, finish, model, ...counts }: z.output<typeof answer>): ModelAnswer {
  if (error !== undefined) return { error: error.slice(0, 600) }
  return { text, finish, model, tokensIn: counts.tokens_in, tokensOut: counts.tokens_out }
}
