import type { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { type Api, operation } from '../../shared/operation.ts'
import type { AppEnv } from '../../shared/router.ts'

/** Base URL of mem0's REST dialect. */
const BASE = '/mem0'

type Fields = Readonly<Record<string, z.ZodType>>
type Input<F extends Fields> = { [K in keyof F]: z.output<F[K]> }
type NoFields = Readonly<Record<never, z.ZodType>>

interface Route<Params, Query, Body> {
  params?: Params
  query?: Query
  body?: Body
}

/**
 * Describes a route under paths of mem0, which end with a slash. `handle` registers its handler, whose answer is sent as
 * JSON. The routes are left out of the OpenAPI document, which describes the API of this project.
 */
export function mem0Route<
  Params extends Fields = NoFields,
  Query extends Fields = NoFields,
  Body extends Fields = NoFields,
>(
  paths: readonly `${'GET' | 'POST' | 'PUT' | 'DELETE'} /${string}/`[],
  { params, query, body }: Route<Params, Query, Body> = {},
) {
  const documentation = { operationId: 'mem0', summary: 'mem0', hide: true, returns: 'mem0', answer: {} }
  const operations = paths.map((path) => {
    const [method, rest] = path.split(' ') as ['GET', string]
    return operation<NoFields, Params, Query, NoFields, Body>({
      ...documentation,
      route: `${method} ${BASE}${rest}` as const,
      ...(params && { params }),
      ...(query && { query }),
      ...(body && { body }),
    })
  })
  return {
    handle(
      api: Api,
      handler: (
        input: Input<Params> & Input<Query> & Input<Body>,
        c: Context<AppEnv>,
      ) => Promise<object> | object,
    ): void {
      for (const each of operations) each.handle(api, async (input, c) => c.json(await handler(input, c)))
    },
  }
}
