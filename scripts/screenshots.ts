/*
 * npm run screenshots
 *
 * Starts a sidecar, fills it as `npm run demo` does, and writes the pictures of docs/images/. Needs Chromium:
 * /usr/bin/chromium, or the path in CHROMIUM.
 */
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { runExperiment } from '../bench/demo/experiment.ts'
import { fillSidecar, post } from '../bench/demo/fill.ts'
import { startSidecar } from '../bench/lib/sidecar-process.ts'

const IMAGES = fileURLToPath(new URL('../docs/images/', import.meta.url))
const MAX_BYTES = 150_000
const PHONE = { viewport: { width: 360, height: 740 } }

interface Picture extends BrowserContextOptions {
  name: string
  path: string
  /** Prepares the page. */
  act?: (page: Page) => Promise<void>
}

await using sidecar = await startSidecar()
await fillSidecar(sidecar.url)
const experiment = await runExperiment(sidecar.url, 240)
const replay = (await post(sidecar.url, '/v1/replays', { windows: [5, 10] })) as { id: string }
await untilReplayed(replay.id)

const PICTURES: Picture[] = [
  { name: 'dashboard-overview', path: '/#/overview' },
  {
    name: 'dashboard-memories',
    path: '/#/memories?user=dee&q=How+many+litres+of+paint+for+the+back+bedroom%3F',
    act: async (page) => {
      await page.locator('details.score summary').first().click()
      await page.getByLabel('Search the memories').scrollIntoViewIfNeeded()
    },
  },
  {
    name: 'dashboard-graph',
    path: '/#/graph?user=ada&ended=true',
    viewport: { width: 1100, height: 960 },
    act: async (page) => {
      await page.getByRole('button', { name: 'Mochi, animal' }).focus()
      await page.keyboard.press('Enter')
      await page.locator('.details h3').waitFor()
      await page.evaluate("document.querySelector('form.row').scrollIntoView()")
    },
  },
  {
    name: 'dashboard-conversation',
    path: '/#/conversations?user=dee&conversation=dee-1',
    colorScheme: 'dark',
    act: async (page) =>
      await page
        .locator('h2')
        .first()
        .evaluate((heading) => heading.scrollIntoView()),
  },
  {
    name: 'dashboard-experiment',
    path: `/#/experiments?name=${experiment}`,
    viewport: { width: 1100, height: 1060 },
  },
  { name: 'dashboard-replay', path: `/#/replay?id=${replay.id}` },
  {
    name: 'dashboard-phone',
    path: '/#/conversations?user=maho&conversation=maho-1',
    ...PHONE,
    locale: 'ja',
    act: async (page) =>
      void (await page.evaluate("document.querySelector('article.turn').scrollIntoView()")),
  },
]

const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
})
for (const { name, path, act, ...options } of PICTURES) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 780 }, ...options })
  const page = await context.newPage()
  await page.goto(`${sidecar.url}${path}`)
  await page.waitForLoadState('networkidle')
  await act?.(page)
  await page.waitForLoadState('networkidle')
  await page.screenshot({ path: `${IMAGES}${name}.png`, animations: 'disabled' })
  await context.close()
  const { size } = statSync(`${IMAGES}${name}.png`)
  console.log(`${name}.png ${Math.round(size / 1000)} kB`)
  if (size > MAX_BYTES) throw new Error(`${name}.png: expected at most ${MAX_BYTES} bytes, got ${size}`)
}
await browser.close()

async function untilReplayed(id: string): Promise<void> {
  const deadline = AbortSignal.timeout(300_000)
  for (;;) {
    const response = await fetch(`${sidecar.url}/v1/replays/${id}`, { signal: deadline })
    const { status, error } = (await response.json()) as { status: string; error: string | null }
    if (status === 'done') return
    if (status !== 'running') throw new Error(`replay ${status}: ${error}`)
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}
