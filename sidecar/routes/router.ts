import { OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import type { Context, Handler } from 'hono'
import { z } from 'zod'
import { AppError } from '../errors.ts'
import type { AppEnv } from './env.ts'
import { refuse, refuseInvalid } from './validation.ts'

/** A router whose routes answer what their schema refuses in the one error envelope. */
export function router(): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
  const { openapi } = app
  /*
   * Bodies, and headers beside them, are read here and not by the validators of Hono: two middlewares less on the way of
   * every recall, zod compiles a schema only for what it reads at once, while they wait for each, and of the headers only
   * those are looked at that are asked for.
   */
  const withBody = (route: RouteConfig, handler: Handler<AppEnv>, ...rest: unknown[]) => {
    const content = route.request?.body?.content['application/json']
    const schema = content && 'schema' in content ? content.schema : undefined
    if (!(schema instanceof z.ZodType)) {
      return openapi(route, handler as never, ...(rest as []))
    }
    app.openAPIRegistry.registerPath(route)
    const { body: _, headers, ...request } = route.request ?? {}
    const withoutBody = { ...route, request, hide: true }
    const reading: Handler<AppEnv> = async (c, next) => {
      if (headers instanceof z.ZodObject) c.req.addValidatedData('header', readHeaders(c, headers) as object)
      const data = await readJson(c, schema)
      c.req.addValidatedData('json', data as object)
      return await handler(c, next)
    }
    return openapi(withoutBody, reading as never, ...(rest as []))
  }
  app.openapi = withBody as unknown as typeof openapi
  return app
}

/** @throws {AppError} for what the schema refuses */
function readHeaders(c: Context<AppEnv>, schema: z.ZodObject): unknown {
  const given = Object.fromEntries(Object.keys(schema.shape).map((name) => [name, c.req.header(name)]))
  const { success, data, error } = schema.safeParse(given)
  if (!success) throw refuse(error, given, 'header')
  return data
}

const IS_JSON = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i

/** @throws {AppError} for another media type, for what is no JSON, and for what the schema refuses */
async function readJson(c: Context<AppEnv>, schema: z.ZodType): Promise<unknown> {
  const type = c.req.header('content-type')
  // A browser sends these from any page without asking first: nothing else than JSON is taken for it.
  if (type === undefined ? await hasBody(c) : !IS_JSON.test(type)) {
    throw new AppError('unsupported_media_type', 'Content-Type: expected application/json')
  }
  let value: unknown = {}
  if (type !== undefined) {
    try {
      value = JSON.parse(await c.req.text())
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw cause
      throw new AppError('invalid_request', 'body: malformed JSON in request body', { cause })
    }
  }
  const { success, data, error } = schema.safeParse(value)
  if (!success) throw refuse(error, value, 'body')
  return data
}

async function hasBody(c: Context<AppEnv>): Promise<boolean> {
  return (await c.req.text()) !== ''
}
