import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SidecarProcess, startSidecar } from '../../../bench/lib/sidecar-process.ts'
import { LANGUAGES } from '../../../sidecar/http/dashboard/languages.ts'
import {
  expectAccessible,
  expectFits,
  NEEDS_BROWSER,
  NO_BROWSER,
  PHONE,
  useBrowser,
} from '../../helpers/browser.ts'

const HOSTILE = `<img src=x onerror="globalThis.pwned=1"><script>globalThis.pwned=1</script>"'&amp;{{7*7}}`
const HOSTILE_USER = `"><svg onload=globalThis.pwned=1>`

const PAGES = [
  '/#/overview',
  '/#/memories',
  '/#/memories?user=ada',
  '/#/memories?user=ada&q=Kyoto',
  '/#/graph?user=ben&ended=true',
  '/#/conversations?user=ada',
  '/#/conversations?user=ada&conversation=c-1',
  '/#/experiments',
  '/#/experiments?name=tea',
  '/#/replay',
  '/docs',
]

/** One page of each kind. */
const FULL_PAGES = PAGES.filter((path) => !/#\/(memories|conversations|experiments)$|user=ada$/.test(path))

/** Axe takes seconds per page on a busy machine. */
const AXE = { timeout: 300_000 }

describe.skipIf(NO_BROWSER)(`the dashboard ${NEEDS_BROWSER}`, () => {
  const browser = useBrowser()
  let sidecar: SidecarProcess

  beforeAll(async () => {
    sidecar = await startSidecar()
  })
  afterAll(async () => await sidecar[Symbol.asyncDispose]())

  const post = async (path: string, body: object) => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${sidecar.url}${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(await response.text())
    return await response.json()
  }

  /** A chatflow with a window of 3: recall, then add. */
  async function talk(user_id: string, conversation_id: string, texts: readonly string[]): Promise<void> {
    for (const [i, content] of texts.entries()) {
      const who = { user_id, conversation_id, turn: i + 1 }
      await post('/v1/recall', { ...who, query: content, strategy: 'cached_delta', window_size: 3 })
      await post('/v1/memories', { ...who, messages: [{ role: 'user', content }] })
    }
  }

  /** A move from Boston to Seattle, and a sister with a dog. */
  async function life(): Promise<void> {
    const texts = [
      ['2026-01-05', 'I live in Boston and my sister Ana lives in Osaka.'],
      ['2026-02-10', "My sister's dog is called Mochi."],
      ['2026-04-11', 'Big news, I just moved to Seattle.'],
    ]
    for (const [i, [day, content]] of texts.entries()) {
      const messages = [{ role: 'user', content, at: `${day}T12:00:00Z` }]
      await post('/v1/memories', { user_id: 'ben', conversation_id: 'c-1', turn: i + 1, messages })
    }
  }

  /** 100 conversations in which the cached block is liked in four of five cases, and the other arm in one of five. */
  async function experiment(): Promise<void> {
    const arms = [
      { name: 'plain', strategy: 'per_query' },
      { name: 'block', strategy: 'cached', window_size: 5 },
    ]
    await post('/v1/experiments', { name: 'tea', arms, shadow_share: 1 })
    for (let i = 0; i < 100; i++) {
      const who = { user_id: 'ada', conversation_id: `tea-${i}` }
      let arm = ''
      for (let turn = 1; turn <= 3; turn++) {
        const answer = await post('/v1/recall', { ...who, turn, query: 'Which tea?', experiment: 'tea' })
        arm = (answer as { experiment: { arm: string } }).experiment.arm
      }
      await post('/v1/outcomes', { ...who, name: 'thumbs', value: (arm === 'block') === i % 5 > 0 })
    }
  }

  it('shows a first visitor what to do next, and stores a first memory', async () => {
    const page = await browser.open(`${sidecar.url}/`)
    await page.getByText('Nothing is remembered yet').waitFor()
    await expectAccessible(page)
    await page.getByRole('button', { name: 'Store it now' }).click()
    await page.getByRole('heading', { name: 'Newest memories' }).waitFor()
    await page.getByText('I moved to Kyoto and I am allergic to peanuts.').waitFor()
    await page.getByRole('link', { name: 'Overview' }).click()
    await page.getByText('Recall by strategy').waitFor()
    expect(await page.getByText('Nothing is remembered yet').count()).toBe(0)
  })

  describe('with memories', () => {
    beforeAll(async () => {
      const texts = ['I live in Kyoto.', 'My cat is called Momo.', 'I work as a baker.', 'I like green tea.']
      await talk('ada', 'c-1', [...texts, 'My brother lives in Osaka.', 'Where do I live, again?'])
      const others = ['Tennis', 'Chess', 'Opera', 'Sailing', 'Pottery', 'Running', 'Poker', 'Sumo']
      await talk(
        'ada',
        'c-2',
        others.map((name) => `${name} bores me to tears.`),
      )
      await experiment()
      await life()
      await talk(HOSTILE_USER, HOSTILE_USER, [HOSTILE, `${HOSTILE} again`])
    })

    it('overview: shows rates, latency by strategy, reasons and backends', async () => {
      const page = await browser.open(`${sidecar.url}/`)
      await page.getByRole('cell', { name: /ms$/ }).first().waitFor()
      const text = await page.locator('main').textContent()
      for (const part of ['cached_delta', 'Cache hit rate', 'turns left the window', 'sqlite']) {
        expect(text).toContain(part)
      }
    })

    it('memories: search with score parts and why-not, correct, diff, restore, delete, undo', async () => {
      const page = await browser.open(`${sidecar.url}/#/memories`)
      await page.getByRole('button', { name: 'ada' }).click()
      await page.getByRole('heading', { name: 'Newest memories' }).waitFor()
      await page.getByLabel('Search the memories').fill('Where do I live?')
      await page.keyboard.press('Enter')
      await page.getByText('Not found, and why').waitFor()
      const first = page.locator('article', { hasText: 'I live in Kyoto.' }).first()
      await first.getByText('Score').click()
      expect(await first.locator('dl').textContent()).toContain('lexical')
      await first.getByRole('button', { name: 'Correct' }).click()
      await page.getByLabel('Text').fill('I live in Nara.')
      await page.getByRole('button', { name: 'Save' }).click()
      const corrected = page.locator('article', { hasText: 'I live in Nara.' })
      await corrected.getByText('version 2').waitFor()
      await corrected.getByRole('button', { name: 'History' }).click()
      await page.locator('dialog del').first().waitFor()
      expect(await page.locator('dialog del').allInnerTexts()).toContain('Kyoto')
      expect(await page.locator('dialog ins').allInnerTexts()).toContain('Nara')
      await expectAccessible(page)
      await page.getByRole('button', { name: 'Restore version 1' }).click()
      const restored = page.locator('article', { hasText: 'I live in Kyoto.' }).first()
      await restored.getByRole('button', { name: 'Delete' }).click()
      await page.getByRole('button', { name: 'Undo' }).click()
      await page.locator('article', { hasText: 'I live in Kyoto.' }).first().waitFor()
    })

    it('graph: shows entities and relations, what held on a day, and the turn that states a relation', async () => {
      const page = await browser.open(`${sidecar.url}/#/graph?user=ben`)
      const picture = page.getByRole('group', { name: 'Picture of 5 entities and 4 relations' })
      await picture.waitFor()
      const labels = async () => (await picture.locator('text').allTextContents()).toSorted()
      const always = ['sister', 'Ana', 'Mochi', 'Osaka', 'the user', 'lives in', 'lives in', 'dog']
      expect(await labels()).toEqual([...always, 'Seattle'].toSorted())

      await picture.getByRole('button', { name: 'Mochi, animal' }).focus()
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: 'Mochi', exact: true }).waitFor()
      await page.getByText("My sister's dog is called Mochi.").waitFor()

      const scene = picture.locator('> g')
      const before = await scene.getAttribute('transform')
      await page.keyboard.press('ArrowLeft')
      await page.keyboard.press('+')
      expect(await scene.getAttribute('transform')).not.toBe(before)
      await page.getByRole('button', { name: 'Show all' }).click()
      expect(await scene.getAttribute('transform')).toBe(before)

      await page.getByLabel('As of').fill('2026-03-01')
      await page.getByRole('button', { name: 'Show', exact: true }).last().click()
      await page.getByRole('cell', { name: 'Boston', exact: true }).waitFor()
      expect(await labels()).toEqual([...always, 'Boston'].toSorted())

      const row = page.getByRole('row', { name: /^the user lives in Boston/ })
      await row.getByRole('button', { name: 'lives in' }).click()
      await page.getByText('replaced by a later relation').waitFor()
      await page.getByRole('link', { name: 'c-1, turn 1' }).click()
      await page.getByRole('heading', { name: /^Turn 1 / }).waitFor()

      await page.goto(`${sidecar.url}/#/graph?user=ben&entity=Zoe`)
      await page.getByText('No memory mentions: Zoe').waitFor()
      await page.goto(`${sidecar.url}/#/graph?user=stranger`)
      await page.getByText('No entities of stranger yet').waitFor()
    })

    it('conversations: shows window, block, delta, reason and age turn by turn', async () => {
      const page = await browser.open(`${sidecar.url}/#/conversations?user=ada`)
      await page.getByRole('link', { name: 'c-1' }).click()
      const turn = page.locator('article.turn', { has: page.getByRole('heading', { name: /^Turn 6 / }) })
      await turn.waitFor()
      expect(await turn.textContent()).toContain('Where do I live, again?')
      expect(await turn.getByRole('img').getAttribute('aria-label')).toContain('in the chat window: 4–5')
      await turn.getByText(/^Block .* memories$/).click()
      await turn.getByText('My cat is called Momo.').waitFor()
      expect(await page.getByText('turns left the window').count()).toBeGreaterThan(0)
    })

    it('experiments: makes one with three fields, says how to use it, stops and deletes it', async () => {
      const page = await browser.open(`${sidecar.url}/#/experiments`)
      await page.getByRole('link', { name: 'tea' }).waitFor()
      await page.getByLabel('Name').fill('cached or not')
      await page.getByLabel('per_query').uncheck()
      await page.getByRole('button', { name: 'Start the experiment' }).click()
      await page.getByText('Choose at least two strategies.').waitFor()
      await page.getByLabel('per_query').check()
      await page.getByRole('button', { name: 'Start the experiment' }).click()
      await page.getByText('Waiting for the first conversation').waitFor()
      expect(await page.locator('pre').textContent()).toBe('strategy: experiment\nexperiment: cached or not')
      await page.getByRole('button', { name: 'Stop' }).click()
      await page.getByText('stopped', { exact: true }).waitFor()
      await page.getByRole('button', { name: 'Delete' }).click()
      await page.locator('dialog').getByRole('button', { name: 'Delete' }).click()
      await page.getByRole('link', { name: 'tea' }).waitFor()
      expect(await page.getByRole('link', { name: 'cached or not' }).count()).toBe(0)
    })

    it('experiments: shows the report of the sidecar with plots', async () => {
      const page = await browser.open(`${sidecar.url}/#/experiments?name=tea`)
      await page.locator('.verdict').waitFor()
      const report = await fetch(`${sidecar.url}/v1/experiments/tea/report`)
      const { conclusion } = (await report.json()) as { conclusion: { sentence: string } }
      expect(conclusion.sentence).toContain('`block`')
      expect(await page.locator('.verdict').textContent()).toBe(conclusion.sentence.replaceAll('`', ''))
      for (const name of [
        /^Difference in thumbs from plain/,
        /^Share of the turns/,
        /^Overlap with per_query/,
      ]) {
        expect(await page.getByRole('img', { name }).locator('canvas').count()).toBe(1)
      }
      const download = page.waitForEvent('download')
      await page.getByRole('link', { name: 'csv' }).click()
      expect((await download).suggestedFilename()).toBe('tea.csv')
    })

    it('replay: starts one, shows its progress, result and downloads', async () => {
      const page = await browser.open(`${sidecar.url}/#/replay`)
      await page.getByLabel('User id').fill('ada')
      await page.getByLabel('Window sizes').fill('3')
      await page.getByRole('button', { name: 'Start the replay' }).click()
      await page.getByRole('heading', { name: 'Result' }).waitFor()
      await expectAccessible(page)
      expect(await page.getByRole('row').count()).toBe(4)
      const download = page.waitForEvent('download')
      await page.getByRole('link', { name: 'markdown' }).click()
      expect((await download).suggestedFilename()).toBe('replay.md')
    })

    it('API: lists every operation with its fields and an example', async () => {
      const page = await browser.open(`${sidecar.url}/docs`)
      await page.getByLabel('Filter by path or word').fill('recall')
      await page.locator('summary', { hasText: '/v1/recall' }).click()
      await page.locator('pre', { hasText: `${sidecar.url}/v1/recall` }).waitFor()
      expect(await page.locator('details[open]').textContent()).toContain('window_size')
    })

    it('shows hostile texts and ids as text', async () => {
      const page = await browser.open(`${sidecar.url}/#/memories`)
      await page.getByRole('button', { name: HOSTILE_USER }).click()
      await page.getByText(HOSTILE, { exact: true }).waitFor()
      await page.getByRole('button', { name: 'History' }).first().click()
      await page.locator('dialog li').first().waitFor()
      await page.keyboard.press('Escape')
      await page.getByRole('link', { name: /turn 1$/ }).click()
      await page.getByText(HOSTILE, { exact: false }).first().waitFor()
      await expectAccessible(page)
      expect(await page.evaluate(() => 'pwned' in globalThis)).toBe(false)
      expect(await page.locator('main img, main svg, main script').count()).toBe(0)
    })

    it('forgets a user only after the id was typed', async () => {
      await talk('forgettable', 'c', ['I was never here.'])
      const page = await browser.open(`${sidecar.url}/#/memories?user=forgettable`)
      await page.getByRole('button', { name: 'Forget this user …' }).click()
      const erase = page.getByRole('button', { name: 'Erase everything' })
      expect(await erase.isDisabled()).toBe(true)
      await page.getByLabel('Type forgettable to confirm').fill('forgettable')
      await erase.click()
      await page.getByText(/^Erased: .*memories: 1/).waitFor()
    })

    it('can be used with the keyboard alone', async () => {
      const page = await browser.open(`${sidecar.url}/#/memories?user=ada`)
      await page.getByRole('heading', { name: 'Newest memories' }).waitFor()
      await page.keyboard.press('Tab')
      expect(await focused(page)).toBe('Skip to the content')
      await page.keyboard.press('Enter')
      for (let i = 0; i < 12 && (await focused(page)) !== 'History'; i++) await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      await page.locator('dialog li').first().waitFor()
      await page.keyboard.press('Escape')
      await page.locator('dialog').waitFor({ state: 'detached' })
      expect(await page.locator('dialog').count()).toBe(0)
      expect(await focused(page)).toBe('History')
    })

    it('passes axe on every page, light on a desktop', AXE, async () => {
      const page = await browser.open(`${sidecar.url}/`, { colorScheme: 'light' })
      for (const path of PAGES) {
        await visit(page, `${sidecar.url}${path}`)
        await expectAccessible(page)
      }
    })

    const LOCALES = Object.keys(LANGUAGES).filter((locale) => locale !== 'en')
    it.each(LOCALES)(
      'renders every kind of page in %s without a missing text, at 360 px',
      AXE,
      async (locale) => {
        const options = { locale, viewport: PHONE, colorScheme: 'dark' as const }
        const page = await browser.open(`${sidecar.url}/`, options)
        for (const path of FULL_PAGES) {
          await visit(page, `${sidecar.url}${path}`)
          await expectFits(page)
          expect(await page.evaluate('document.documentElement.lang')).toBe(locale)
          // Contrast and roles are the same in each language.
          if (locale === LOCALES[0]) await expectAccessible(page)
        }
      },
    )

    it('keeps the language that was picked', async () => {
      const page = await browser.open(`${sidecar.url}/`)
      await page.getByLabel('Language').selectOption('ja')
      await page.locator('html[lang=ja]').waitFor()
      await page.reload()
      expect(await page.evaluate('document.documentElement.lang')).toBe('ja')
    })
  })
})

async function focused(page: Page): Promise<string> {
  return await page.evaluate("document.activeElement?.textContent ?? ''")
}

/** Loads a page even where only its hash differs from that of the page before. */
async function visit(page: Page, url: string): Promise<void> {
  await page.goto('about:blank')
  await page.goto(url)
}
