import type { Context } from 'hono'
import { deleteCookie, setCookie } from 'hono/cookie'
import { AppError } from '../../ports/errors.ts'
import { SESSION_HOURS } from './sessions.ts'

export const SESSION_COOKIE = 'hippocache_session'

/** Another site cannot send this header: it requires a CORS preflight, which the sidecar never allows. */
const DASHBOARD_HEADER = 'x-hippocache-dashboard'

export function setSessionCookie(c: Context, token: string): void {
  const { secure, ...options } = cookieOptions(c)
  setCookie(c, SESSION_COOKIE, token, { ...options, secure, maxAge: SESSION_HOURS * 3600 })
}

export function deleteSessionCookie(c: Context): void {
  deleteCookie(c, SESSION_COOKIE, cookieOptions(c))
}

function cookieOptions(c: Context) {
  return { path: '/', httpOnly: true, sameSite: 'Strict', secure: isHttps(c) } as const
}

function isHttps(c: Context): boolean {
  const forwarded = c.req.header('x-forwarded-proto')?.split(',')[0]?.trim()
  return (forwarded ?? new URL(c.req.url).protocol.slice(0, -1)) === 'https'
}

/**
 * Protects requests that a cookie authenticates against forgery by other sites.
 * @throws {AppError} `forbidden`
 */
export function assertFromDashboard(c: Context): void {
  const site = c.req.header('sec-fetch-site')
  if (c.req.header(DASHBOARD_HEADER) !== undefined && (site === undefined || site === 'same-origin')) return
  throw new AppError(
    'forbidden',
    `${DASHBOARD_HEADER}: expected this header on a request that a session cookie authenticates, from the same site. ` +
      'A program sends its API key as "Authorization: Bearer <key>" instead.',
  )
}
