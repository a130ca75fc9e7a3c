import { randomUUID } from 'node:crypto'
import { z } from '@hono/zod-openapi'
import { type Scope, scopeKey } from '../../memory/model/scope.ts'
import type { ModelAnswer, ModelCall, ModelClient, ModelRequest } from '../../ports/language-model.ts'
import { type Api, operation, scopeOf } from '../shared/operation.ts'
import * as s from '../shared/schemas.ts'
import type { HttpServices } from '../shared/services.ts'

const MAX_WAIT_MS = 25_000
/** More than any request has texts. */
const MAX_VECTORS = 2048

const KINDS = ['completion', 'query', 'document'] as const satisfies ModelCall['kind'][]

const tokens = z.int().min(0).default(0)

const answer = z.strictObject({
  id: z.string(),
  error: z.string().optional().describe('Why there is no answer; the other fields are not read then.'),
  text: z.string().default('').describe('Of a completion.'),
  finish: z.enum(['stop', 'length', 'refused', 'other']).default('stop'),
  vectors: z
    .array(z.union([z.string(), z.array(z.number())]))
    .max(MAX_VECTORS)
    .default([])
    .describe('One per text: the numbers, or the base64 of little-endian 32-bit floats.'),
  model: z.string().default('dify').describe('For the ledger.'),
  tokens_in: tokens,
  tokens_out: tokens,
})

const takeModelRequestOperation = operation({
  route: 'POST /v1/model-requests',
  operationId: 'take_model_request',
  summary: 'Take a model request of the sidecar, and answer the previous one',
  description:
    'For clients that run the models of a sidecar with LLM_MODEL=dify or EMBEDDING_MODEL=dify:NAME, such as the nodes of the plugin. Extraction that failed for lack of a client is tried again, first that of this user; so is the embedding of texts.',
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
      .describe(
        'Waits although nothing is due, because another call of the client causes a request. Call it once with a wait of 0 before that call, so that the sidecar knows of the client.',
      ),
    takes: z
      .array(z.enum(KINDS))
      .max(KINDS.length)
      .default(['completion'])
      .describe(
        'What the client runs: completions, the embedding of queries and of documents. With queries but no documents it gets those of its user only. Empty: it only answers.',
      ),
    client: z
      .string()
      .max(64)
      .optional()
      .describe('An id of the client: its next call ends the one that waits. End the last one like that.'),
    embedding_model: z
      .string()
      .optional()
      .describe('The embedding model of the client. Texts are handed out only if it is that of the sidecar.'),
    answer: answer.optional().describe('The answer to the request that was taken before.'),
  },
  returns: 'The next request.',
  answer: {
    enabled: z.boolean().describe('Whether the sidecar has requests of a kind that the client takes.'),
    embedding: z
      .object({ model: z.string(), dimensions: z.number() })
      .nullable()
      .describe(
        'The embedding model that clients must have, and the length of its vectors. null: clients embed nothing.',
      ),
    accepted: z
      .boolean()
      .nullable()
      .describe('false: the answer was too late, and its request is repeated. null without an answer.'),
    request: z
      .object({
        id: z.string(),
        kind: z.enum(KINDS),
        messages: z
          .array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() }))
          .optional()
          .describe('Of a completion.'),
        max_output_tokens: z.number().optional().describe('Of a completion.'),
        texts: z.array(z.string()).optional().describe('To embed.'),
      })
      .nullable()
      .describe('null: no request is expected.'),
  },
})

export function modelRequestRoutes(
  api: Api,
  { modelRequests, buffer, missingVectors, similarityScale }: HttpServices,
): void {
  takeModelRequestOperation.handle(
    api,
    async ({ user_id, wait_ms, expected, takes, client: id, embedding_model, answer }, c) => {
      if (!modelRequests) return { enabled: false, embedding: null, accepted: null, request: null }
      const scope = scopeOf(c, user_id)
      const { embedding = null, completes } = modelRequests
      const embeds = embedding !== null && embedding_model === embedding.model
      const client: ModelClient = {
        id: id ?? randomUUID(),
        scope: scopeKey(scope),
        takes: takes.filter((kind) => (kind === 'completion' ? completes : embeds)),
      }
      const accepted = answer ? modelRequests.answer(client.scope, answer.id, toAnswer(answer)) : null
      const isDue = await resume(scope, client, expected)
      const { signal } = c.req.raw
      const request = await modelRequests.take(client, wait_ms, signal, isDue)
      // The work of the client begins before its next call.
      if (expected && wait_ms === 0 && !request) modelRequests.announce(client)
      return {
        enabled: client.takes.length > 0,
        embedding,
        accepted,
        request: request ? toView(request) : null,
      }
    },
  )

  /** Tries again what failed for lack of a client. Returns whether requests for the client are expected. */
  async function resume(scope: Scope, client: ModelClient, expected: boolean): Promise<() => boolean> {
    const completes = client.takes.includes('completion')
    const embeds = client.takes.includes('document')
    // After the work of the client, which it would delay.
    if (embeds && !expected) {
      modelRequests?.announce(client)
      similarityScale?.(client.scope)
      await missingVectors.resume(scope)
    }
    return () =>
      client.takes.length > 0 &&
      (expected ||
        (completes && buffer?.resume(scope) === true) ||
        (embeds && missingVectors.isResuming(scope)))
  }
}

function toView({ id, ...call }: ModelRequest) {
  if (call.kind !== 'completion') return { id, kind: call.kind, texts: [...call.texts] }
  const { kind, messages, maxOutputTokens } = call
  return { id, kind, messages: [...messages], max_output_tokens: maxOutputTokens }
}

function toAnswer({ error, tokens_in, tokens_out, id: _, ...rest }: z.output<typeof answer>): ModelAnswer {
  if (error !== undefined) return { error: error.slice(0, 600) }
  return { ...rest, tokensIn: tokens_in, tokensOut: tokens_out }
}
