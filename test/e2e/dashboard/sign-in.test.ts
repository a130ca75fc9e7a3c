import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SidecarProcess, startSidecar } from '../../../bench/lib/sidecar-process.ts'
import { expectAccessible, NEEDS_BROWSER, NO_BROWSER, PHONE, useBrowser } from '../../helpers/browser.ts'

const KEYS = { shop: 'shop-key-0123456789', school: 'school-key-0123456789' }

describe.skipIf(NO_BROWSER)(`signing in to the dashboard ${NEEDS_BROWSER}`, () => {
  const browser = useBrowser()
  let sidecar: SidecarProcess

  beforeAll(async () => {
    sidecar = await startSidecar({ API_KEYS: `shop:${KEYS.shop},school:${KEYS.school}` })
    for (const [name, key] of Object.entries(KEYS)) {
      const body = {
        user_id: `${name}-user`,
        messages: [{ role: 'user', content: `I belong to the ${name}.` }],
      }
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
      await fetch(`${sidecar.url}/v1/memories`, { method: 'POST', headers, body: JSON.stringify(body) })
    }
  })
  afterAll(async () => await sidecar[Symbol.asyncDispose]())

  const refused = /status of 401/

  it('asks for a key, shows the data of its namespace only, and signs out', async () => {
    const page = await browser.open(`${sidecar.url}/`, { expected: refused })
    await expectAccessible(page)
    await page.getByLabel('API key').fill('a wrong key')
    await page.keyboard.press('Enter')
    await page.getByText('unknown API key').waitFor()
    await page.getByLabel('API key').fill(KEYS.shop)
    await page.keyboard.press('Enter')
    await page.getByText('Recall by strategy').waitFor()
    await page.getByRole('link', { name: 'Memories' }).click()
    await page.getByRole('button', { name: 'shop-user' }).waitFor()
    expect(await page.getByRole('button', { name: 'school-user' }).count()).toBe(0)
    // A write with the cookie.
    await page.getByRole('button', { name: 'shop-user' }).click()
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByText('I belong to the shop.').waitFor()
    await expectAccessible(page)
    const [cookie] = await page.context().cookies()
    expect(cookie).toMatchObject({ name: 'hippocache_session', httpOnly: true, sameSite: 'Strict' })
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('API key').waitFor()
    expect(await page.context().cookies()).toEqual([])
    // The cookie is worthless after signing out, even if it was copied.
    const headers = { cookie: `hippocache_session=${cookie?.value}` }
    expect((await fetch(`${sidecar.url}/v1/overview`, { headers })).status).toBe(401)
  })

  it('is readable on a phone in the dark', async () => {
    const page = await browser.open(`${sidecar.url}/`, { viewport: PHONE, colorScheme: 'dark' })
    await page.getByLabel('API key').fill(KEYS.school)
    await page.keyboard.press('Enter')
    await page.getByText('Recall by strategy').waitFor()
    await expectAccessible(page)
  })

  it('returns to the sign-in page when the session has ended', async () => {
    const page = await browser.open(`${sidecar.url}/`, { expected: refused })
    await page.getByLabel('API key').fill(KEYS.school)
    await page.keyboard.press('Enter')
    await page.getByText('Recall by strategy').waitFor()
    await page.context().clearCookies()
    await page.getByRole('link', { name: 'Memories' }).click()
    await page.getByLabel('API key').waitFor()
  })
})
