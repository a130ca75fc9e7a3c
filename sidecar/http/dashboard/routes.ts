import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { getConnInfo } from '@hono/node-server/conninfo'
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { getCookie } from 'hono/cookie'
import { etag } from 'hono/etag'
import { secureHeaders } from 'hono/secure-headers'
import { z } from 'zod'
import { AppError, invalid } from '../../ports/errors.ts'
import { VERSION } from '../../ports/version.ts'
import { DEFAULT_NAMESPACE } from '../access/api-keys.ts'
import {
  assertFromDashboard,
  deleteSessionCookie,
  SESSION_COOKIE,
  setSessionCookie,
} from '../access/cookie.ts'
import type { Sessions } from '../access/sessions.ts'
import type { AppEnv } from '../shared/router.ts'
import { findAsset } from './files.ts'
import { languageOf } from './languages.ts'
import { pageOf } from './page.ts'

export interface DashboardOptions {
  sessions: Sessions
  /** Whether API keys are configured. */
  needsKey: boolean
}

const MAX_SIGN_IN_BYTES = 4096

const signIn = z.strictObject({ key: z.string().trim().min(1).max(1000) })

/** No inline script or style, nothing from another host, and no text that becomes HTML. */
const headers = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'"],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
    requireTrustedTypesFor: ["'script'"],
    trustedTypes: ["'none'"],
  },
  referrerPolicy: 'no-referrer',
  xFrameOptions: 'DENY',
  strictTransportSecurity: false,
})

/** The pages of the dashboard, their files, and sign-in. None of them is in the OpenAPI document. */
export function serveDashboard(app: OpenAPIHono<AppEnv>, { sessions, needsKey }: DashboardOptions): void {
  const page = async (c: Context<AppEnv>) => {
    const language = languageOf(c)
    c.header('cache-control', 'no-cache')
    c.header('vary', 'accept-language, cookie')
    return c.html(await pageOf(language))
  }
  app.use('/dashboard/*', headers)
  for (const path of ['/', '/docs']) app.get(path, headers, page)

  app.get('/dashboard/files/*', etag(), async (c) => {
    const asset = findAsset(c.req.path.slice('/dashboard/files/'.length))
    if (!asset) throw new AppError('not_found', `no such file: ${c.req.path}`)
    const content = await readFile(fileURLToPath(asset.url))
    return c.body(content, 200, { 'content-type': asset.type, 'cache-control': 'no-cache' })
  })

  app.get('/dashboard/session', async (c) => {
    const token = getCookie(c, SESSION_COOKIE)
    const namespace = needsKey ? token && (await sessions.namespaceOf(token)) : DEFAULT_NAMESPACE
    c.header('cache-control', 'no-store')
    return c.json({ needs_key: needsKey, namespace: namespace ?? null, version: VERSION })
  })

  app.post(
    '/dashboard/session',
    bodyLimit({ maxSize: MAX_SIGN_IN_BYTES, onError: refuseBody }),
    async (c) => {
      assertFromDashboard(c)
      if (!needsKey)
        throw new AppError('conflict', 'No API keys are configured; there is nothing to sign in to.')
      const { success, data } = signIn.safeParse(await c.req.json().catch(() => undefined))
      if (!success) throw invalid('key', 'an API key')
      const { token, namespace } = await sessions.signIn(data.key, addressOf(c))
      setSessionCookie(c, token)
      return c.json({ needs_key: true, namespace, version: VERSION })
    },
  )

  app.delete('/dashboard/session', async (c) => {
    assertFromDashboard(c)
    const token = getCookie(c, SESSION_COOKIE)
    if (token) await sessions.signOut(token)
    deleteSessionCookie(c)
    return c.json({ needs_key: needsKey, namespace: null, version: VERSION })
  })
}

/** Address for the limit of failed sign-ins. Behind a proxy, all clients share the address and the limit of the proxy. */
function addressOf(c: Context<AppEnv>): string {
  // Absent for a request within the process.
  return Object.hasOwn(c.env ?? {}, 'incoming') ? (getConnInfo(c).remote.address ?? '') : ''
}

function refuseBody(): never {
  throw new AppError('payload_too_large', `body: expected at most ${MAX_SIGN_IN_BYTES} bytes`)
}
