import { describe, expect, it } from 'vitest'
import { startPlugin } from '../../../bench/lib/plugin-process.ts'
import { startSidecar } from '../../../bench/lib/sidecar-process.ts'
import { expectFits, NEEDS_BROWSER, NO_BROWSER, useBrowser } from '../../helpers/browser.ts'

const CONVERSATIONS = 100
/** Conversations that run at the same time. */
const CONCURRENT = 8
const FOODS = ['peanuts', 'shellfish', 'gluten', 'lactose', 'soy', 'eggs', 'celery', 'mustard']

/** A simulated user: tells a fact in the first turn, talks about other things, then asks for it. */
const turnsOf = (food: string) => [
  `My doctor says that I am allergic to ${food}.`,
  'What is the weather like in Oslo in May?',
  'Recommend a film about the sea.',
  'And one about mountains, please.',
  'What was I allergic to again, according to my doctor?',
]

/** 100 conversations through the plugin, with a report that names the arm that gives the model the memory. */
async function runExperiment(look: (url: string, sentence: string) => Promise<void>): Promise<void> {
  await using sidecar = await startSidecar()
  await using plugin = await startPlugin({ sidecar_url: sidecar.url, api_key: '' })
  const created = await fetch(`${sidecar.url}/v1/experiments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      name: 'memory-or-not',
      arms: [
        // No token is left for a memory.
        { name: 'starved', strategy: 'per_query', token_budget: 0 },
        { name: 'cached', strategy: 'cached_delta' },
      ],
      outcome: 'thumbs',
      start: true,
    }),
  })
  expect(created.status).toBe(200)

  async function invoke(tool: string, parameters: Record<string, unknown>) {
    const { variables } = await plugin.invoke(tool, parameters)
    expect(variables, tool).toMatchObject({ error: '' })
    return variables
  }

  let answered = 0
  async function converse(n: number): Promise<string> {
    const food = FOODS[n % FOODS.length] as string
    // The window shows two turns, so that the answer needs the memory.
    const place = { user_id: `user-${n}`, conversation_id: `conversation-${n}` }
    let arm = ''
    let context = ''
    for (const [i, query] of turnsOf(food).entries()) {
      const turn = { ...place, turn: String(i + 1) }
      const recalled = await invoke('retrieve_memory', {
        ...{ query, ...turn, window_size: 2, strategy: 'experiment', experiment: 'memory-or-not' },
      })
      // A slow machine may miss the deadline of an assignment; such a recall has no arm and is in no report.
      if (recalled['arm'] !== '') {
        arm = recalled['arm'] as string
        answered += 1
      }
      context = recalled['context'] as string
      await invoke('add_memory', { ...turn, user: query, assistant: 'I see.' })
    }
    // The user likes an answer that knows the allergy, as nearly every user would.
    const isLiked = context.includes(food) !== (n % 20 === 0)
    const recorded = await invoke('record_outcome', {
      ...{ ...place, turn: '5', outcome: 'thumbs', value: isLiked ? 'like' : 'dislike' },
    })
    expect(recorded).toMatchObject({ status: 'recorded', arm })
    return arm
  }

  const numbers = Array.from({ length: CONVERSATIONS }, (_, n) => n)
  const arms: string[] = []
  await Promise.all(
    Array.from({ length: CONCURRENT }, async () => {
      for (let n = numbers.pop(); n !== undefined; n = numbers.pop()) arms.push(await converse(n))
    }),
  )
  expect(new Set(arms)).toEqual(new Set(['starved', 'cached']))

  const answer = await fetch(`${sidecar.url}/v1/experiments/memory-or-not/report`)
  const report = (await answer.json()) as {
    units: number
    turns: number
    conclusion: { kind: string; arm: string; sentence: string }
    sample_ratio: { is_alarm: boolean }
    arms: { name: string; units: number }[]
  }
  expect(report).toMatchObject({ units: CONVERSATIONS, turns: answered })
  expect(report.conclusion).toMatchObject({ kind: 'better', arm: 'cached' })
  expect(report.conclusion.sentence).toContain('cached')
  expect(report.sample_ratio.is_alarm).toBe(false)
  for (const { name, units } of report.arms) {
    expect(units, name).toBe(arms.filter((arm) => arm === name).length)
  }
  await look(sidecar.url, report.conclusion.sentence)
}

/** The sentence without the marks for code, as the page shows it. */
const plain = (text: string) => text.replaceAll('`', '').replace(/\s+/g, ' ').trim()

const BROWSER = NO_BROWSER ? 'without a look at the page' : 'and the page shows it'

describe('an experiment of 100 conversations through the plugin', () => {
  const browser = NO_BROWSER ? undefined : useBrowser()

  it(`names the arm that gives the model the memory, ${BROWSER} ${NO_BROWSER ? NEEDS_BROWSER : ''}`, async () => {
    await runExperiment(async (url, sentence) => {
      if (!browser) return
      const page = await browser.open(`${url}/#/experiments?name=memory-or-not`)
      await page.locator('main canvas').first().waitFor()
      await expectFits(page)
      expect(plain((await page.locator('main').textContent()) ?? '')).toContain(plain(sentence))
    })
  }, 600_000)
})
