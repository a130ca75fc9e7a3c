import { describe, expect, it } from 'vitest'
import { sha256Of } from '../../../../sidecar/http/access/api-keys.ts'
import { said, type TestApp, testApp } from '../../../helpers/test-app.ts'

const SHOP = 'shop-key-0123456789'
const SCHOOL = 'school-key-0123456789'
const KEYS = [
  { namespace: 'shop', sha256: sha256Of(SHOP) },
  { namespace: 'my.school', sha256: sha256Of(SCHOOL) },
]
const FROM_PAGE = { 'x-hippocache-dashboard': '1' }

async function signIn({ call }: TestApp, key: string, headers = {}) {
  const answer = await call('POST', '/dashboard/session', { key }, { ...FROM_PAGE, ...headers })
  const setCookie = answer.headers.get('set-cookie') ?? ''
  return { ...answer, setCookie, cookie: setCookie.split(';')[0] ?? '' }
}

async function namespaceFor({ call }: TestApp, cookie: string): Promise<string | number> {
  const { status, body } = await call('GET', '/v1/status', undefined, { cookie })
  return status === 200 ? body.namespace : status
}

describe('signing in with an API key', () => {
  it('sets a cookie that scripts and other sites cannot use, and that only https sends where https is used', async () => {
    const app = testApp({ apiKeys: KEYS })
    const { status, body, setCookie } = await signIn(app, SHOP)
    expect({ status, body }).toMatchObject({ status: 200, body: { needs_key: true, namespace: 'shop' } })
    expect(setCookie).toContain('HttpOnly; SameSite=Strict')
    expect(setCookie).toContain('Path=/; HttpOnly')
    expect(setCookie).not.toContain('Secure')
    const secure = await signIn(app, SHOP, { 'x-forwarded-proto': 'https' })
    expect(secure.setCookie).toContain('Secure')
  })

  it('gives access to the namespace of the key, for 12 hours', async () => {
    const app = testApp({ apiKeys: KEYS })
    const { cookie } = await signIn(app, SCHOOL)
    expect(await namespaceFor(app, cookie)).toBe('my.school')
    expect((await app.call('GET', '/dashboard/session', undefined, { cookie })).body.namespace).toBe(
      'my.school',
    )
    app.clock.advance(12 * 3_600_000)
    expect(await namespaceFor(app, cookie)).toBe(401)
    expect((await app.call('GET', '/dashboard/session', undefined, { cookie })).body.namespace).toBeNull()
  })

  it('answers 401 for an unknown key and for a forged cookie', async () => {
    const app = testApp({ apiKeys: KEYS })
    const { cookie } = await signIn(app, SHOP)
    expect((await signIn(app, 'unknown')).status).toBe(401)
    const forged = [
      cookie.replace('shop', 'my.school'),
      `${cookie.slice(0, -1)}${cookie.endsWith('A') ? 'B' : 'A'}`,
      'hippocache_session=',
      'hippocache_session=shop.99.x',
      'hippocache_session=shop/../x.1.y',
    ]
    for (const one of forged) expect([one, await namespaceFor(app, one)]).toEqual([one, 401])
  })

  it('ends a session on signing out, also for a copy of its cookie', async () => {
    const app = testApp({ apiKeys: KEYS })
    const { cookie } = await signIn(app, SHOP)
    const { headers } = await app.call('DELETE', '/dashboard/session', undefined, { ...FROM_PAGE, cookie })
    expect(headers.get('set-cookie')).toContain('Max-Age=0')
    expect(await namespaceFor(app, cookie)).toBe(401)
  })

  it('keeps at most 32 sessions of a namespace', async () => {
    const app = testApp({ apiKeys: KEYS })
    const cookies: string[] = []
    for (let i = 0; i < 40; i++) cookies.push((await signIn(app, SHOP)).cookie)
    const states = await Promise.all(cookies.map((cookie) => namespaceFor(app, cookie)))
    expect(states.filter((state) => state === 'shop')).toHaveLength(32)
    expect(states.at(-1)).toBe('shop')
  })

  it('answers 429 with Retry-After after ten failures within five minutes', async () => {
    const app = testApp({ apiKeys: KEYS })
    for (let i = 0; i < 10; i++) expect((await signIn(app, `wrong ${i}`)).status).toBe(401)
    const { status, headers, body } = await signIn(app, SHOP)
    expect([status, body.error.code, headers.get('retry-after')]).toEqual([429, 'too_many_attempts', '300'])
    app.clock.advance(300_000)
    expect((await signIn(app, SHOP)).status).toBe(200)
  })

  it('rejects a body without a key', async () => {
    const app = testApp({ apiKeys: KEYS })
    for (const body of [{}, { key: '' }, { key: 1 }, { key: SHOP, more: 1 }, []]) {
      expect((await app.call('POST', '/dashboard/session', body, FROM_PAGE)).status).toBe(400)
    }
    expect((await app.call('POST', '/dashboard/session', { key: 'x'.repeat(5000) }, FROM_PAGE)).status).toBe(
      413,
    )
  })

  it('is not needed without keys', async () => {
    const { call } = testApp()
    const { body } = await call('GET', '/dashboard/session')
    expect(body).toMatchObject({ needs_key: false, namespace: 'default' })
    expect((await call('POST', '/dashboard/session', { key: SHOP }, FROM_PAGE)).status).toBe(409)
  })
})

describe('a request with a session cookie', () => {
  it('can write only with the header of the dashboard, and not from another site', async () => {
    const app = testApp({ apiKeys: KEYS })
    const { cookie } = await signIn(app, SHOP)
    const write = async (headers: Record<string, string>) =>
      (await app.call('POST', '/v1/memories', said('I like tea.'), headers)).status
    expect(await write({ cookie })).toBe(403)
    expect(await write({ cookie, ...FROM_PAGE, 'sec-fetch-site': 'cross-site' })).toBe(403)
    expect(await write({ cookie, ...FROM_PAGE, 'sec-fetch-site': 'same-site' })).toBe(403)
    expect(await write({ cookie, ...FROM_PAGE, 'sec-fetch-site': 'same-origin' })).toBe(200)
    expect(await write({ authorization: `Bearer ${SHOP}` })).toBe(200)
  })

  it('cannot sign in or out from another site', async () => {
    const { call } = testApp({ apiKeys: KEYS })
    expect((await call('POST', '/dashboard/session', { key: SHOP })).status).toBe(403)
    expect((await call('DELETE', '/dashboard/session')).status).toBe(403)
  })

  it('uses an Authorization header instead, if there is one', async () => {
    const app = testApp({ apiKeys: KEYS })
    const { cookie } = await signIn(app, SHOP)
    const both = { cookie, authorization: `Bearer ${SCHOOL}` }
    expect((await app.call('GET', '/v1/status', undefined, both)).body.namespace).toBe('my.school')
    expect(
      (await app.call('GET', '/v1/status', undefined, { ...both, authorization: 'Bearer x' })).status,
    ).toBe(401)
  })
})
