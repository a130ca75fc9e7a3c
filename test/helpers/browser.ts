import { spawnSync } from 'node:child_process'
import axe from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest'

const EXECUTABLE = process.env['CHROMIUM'] ?? '/usr/bin/chromium'

/** Whether to skip the suites in a browser: it is not installed, and `HIPPOCACHE_REQUIRE_ALL` is not set. */
export const NO_BROWSER =
  spawnSync(EXECUTABLE, ['--version']).status !== 0 && process.env['HIPPOCACHE_REQUIRE_ALL'] !== '1'

/** Part of suite names, which tells why a suite was skipped. */
export const NEEDS_BROWSER = '(needs chromium)'

export const PHONE = { width: 360, height: 740 }

/** Starts a browser for all cases of one `describe`. */
export function useBrowser() {
  let browser: Browser | undefined
  beforeAll(async () => {
    // The sandbox does not work for root, as in a container.
    browser = await chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox'] })
  })
  afterAll(async () => await browser?.close())
  return {
    /**
     * Opens a page in a fresh profile. The test fails if the page logs an error, violates its content security policy,
     * or is wider than the screen.
     * @param expected console errors that the test causes
     */
    async open(url: string, options: BrowserContextOptions & { expected?: RegExp } = {}): Promise<Page> {
      const { expected, ...contextOptions } = options
      const context = await (browser as Browser).newContext(contextOptions)
      const page = await context.newPage()
      const errors: string[] = []
      page.on('console', (message) => {
        if (message.type() === 'error' && !expected?.test(message.text())) errors.push(message.text())
      })
      page.on('pageerror', (error) => errors.push(String(error)))
      onTestFinished(async () => {
        await context.close()
        expect(errors).toEqual([])
      })
      await page.goto(url)
      return page
    },
  }
}

/** Waits until the page has loaded its data, and checks that axe finds nothing serious and that it fits the screen. */
export async function expectAccessible(page: Page): Promise<void> {
  await expectFits(page)
  await page.evaluate(axe.source)
  const found = await page.evaluate(async () => {
    // Nodes that pass need no selectors: finding them takes most of the time.
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run({
      resultTypes: ['violations'],
    })
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`)
  })
  expect(found).toEqual([])
}

/** Waits until the page has loaded its data, and checks that it does not scroll sideways. */
export async function expectFits(page: Page): Promise<void> {
  await page.locator('h1').waitFor()
  await page.locator('[aria-busy]').waitFor({ state: 'detached' })
  const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
  expect(await page.evaluate(overflow)).toBeLessThanOrEqual(0)
}
