import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { Scope } from '../../memory/model/scope.ts'
import { ClientDisconnected } from '../../ports/errors.ts'
import { readBody } from './body.ts'
import type { AppEnv } from './router.ts'

export type Api = OpenAPIHono<AppEnv>

type Fields = Readonly<Record<string, z.ZodType>>
type Input<F extends Fields> = { [K in keyof F]: z.output<F[K]> }
type Answer<F extends Fields> = { [K in keyof F]: z.input<F[K]> }
type NoFields = Readonly<Record<never, z.ZodType>>

interface Operation<Params, Query, Headers, Body, A> {
  /** Method and path, such as `GET /v1/memories/{id}`. */
  route: `${'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} /${string}`
  /** Name of the tool in Dify. */
  operationId: string
  /** Whether `/openapi.json` leaves it out. */
  hide?: boolean
  summary: string
  description?: string
  params?: Params
  query?: Query
  headers?: Headers
  body?: Body
  /** Whether the handler validates the items of the list in the body one by one. */
  isBatch?: boolean
  /** Description of the successful answer, or of each answer by status code. */
  returns: string | Readonly<Record<number, string>>
  answer: A
}

const errorEnvelope = z.object({
  error: z.object({
    code: z.string().describe('Stable, machine-readable error code.'),
    message: z.string(),
    details: z
      .array(z.object({ field: z.string(), message: z.string(), received: z.string().optional() }))
      .optional()
      .describe('One entry per invalid field, at most 10.'),
    request_id: z.string().describe('Identifies the request in the log of the sidecar.'),
  }),
})

/** The answer to a request that fails. */
export const failure = { description: 'The request failed.', ...json(errorEnvelope) }

/**
 * Describes an operation for the OpenAPI document. Building its schemas takes long, so each is described once, at module
 * level. `handle` registers its handler, which gets the valid fields of path, query, headers and body together, and
 * returns the answer with status 200, or a response. Unknown fields are errors;
 * null in an optional field of the body means absent.
 */
export function operation<
  A extends Fields,
  Params extends Fields = NoFields,
  Query extends Fields = NoFields,
  Headers extends Fields = NoFields,
  Body extends Fields = NoFields,
>(spec: Operation<Params, Query, Headers, Body, A>) {
  const { route, params, query, headers, body, isBatch = false, returns, answer, ...documentation } = spec
  const [method, path] = route.split(' ') as [string, string]
  const bodySchema = body && z.strictObject(body)
  const request = {
    ...(query && { query: z.strictObject(query) }),
    ...(params && { params: z.object(params) }),
    ...(headers && { headers: z.object(headers) }),
    ...(bodySchema && { body: { ...json(parseSynchronously(bodySchema)), required: true } }),
  }
  const targets = [params && 'param', query && 'query', headers && 'header', body && 'json'].filter(
    (target) => target !== undefined,
  )
  const success = json(z.object(answer))
  const descriptions = Object.entries(typeof returns === 'string' ? { 200: returns } : returns)
  const responses = {
    ...Object.fromEntries(descriptions.map(([status, description]) => [status, { description, ...success }])),
    default: failure,
  }
  const middleware = bodySchema ? [readBody(bodySchema, isBatch)] : []
  const described = createRoute({
    ...documentation,
    method: method.toLowerCase() as 'get',
    path,
    request,
    responses,
    middleware,
    // The others need no key.
    ...(!path.startsWith('/v1/') && { security: [] }),
  })
  return {
    handle(
      api: Api,
      handler: (
        input: Input<Params> & Input<Query> & Input<Headers> & Input<Body>,
        c: Context<AppEnv>,
      ) => Answer<A> | Response | Promise<Answer<A> | Response>,
    ): void {
      api.openapi(described, async (c) => {
        const input = Object.assign({}, ...targets.map((target) => c.req.valid(target as never)))
        const answered = await handler(input, c)
        return (answered instanceof Response ? answered : c.json(answered, 200)) as never
      })
    },
  }
}

/** The validator calls `safeParseAsync`, which does not use the compiled parser of zod. No schema here is asynchronous. */
function parseSynchronously<T extends z.ZodType>(schema: T): T {
  return Object.assign(schema, { safeParseAsync: async (value: unknown) => schema.safeParse(value) })
}

function json<T extends z.ZodType>(schema: T) {
  return { content: { 'application/json': { schema } } }
}

/** Aborted with `ClientDisconnected` when the client disconnects before it has its answer. */
export function signalOf(c: Context): AbortSignal {
  const controller = new AbortController()
  const { signal } = c.req.raw
  const abort = () => controller.abort(new ClientDisconnected())
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return controller.signal
}

/** The memory of a user of the namespace of this request. */
export function scopeOf(c: Context<AppEnv>, userId: string): Scope {
  return { namespace: c.get('namespace'), userId }
}
