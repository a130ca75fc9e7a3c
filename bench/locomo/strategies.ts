/*
 * npm run bench -- locomo --data FILE --strategies per_query,cached,cached_delta [--orders listed,topic,shuffled] [--sweep]
 *
 * Evidence recall and billed tokens by strategy. Each question of a LoCoMo conversation is one turn of a chat with the
 * service, which runs in this process. The price model is described in bench/README.md.
 */
import { readOptions, requireDataFile } from '../lib/options.ts'
import { percentile } from '../lib/statistics.ts'
import { table } from '../lib/table.ts'
import { ask, type Chat, ingest, ORDERS, type Order, type Setting } from './chat.ts'
import { CATEGORIES, readLocomo } from './dataset.ts'
import { Curve } from './frontier.ts'
import { Measured } from './measured.ts'
import { OPENAI, PROVIDERS } from './providers.ts'

const STRATEGIES = ['per_query', 'cached', 'cached_delta'] as const
const WINDOW_SIZES = [5, 10, 20]
/** The defaults of the Retrieve Memory node. */
const DEFAULTS = { topK: 10, tokenBudget: 1500 }
/** `top_k` of the `per_query` settings that the other strategies are compared with. */
const TOP_KS = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 50]
/** `refresh_on_shift`: word cosine of two queries below which the block is rebuilt. Only one value, since it is not part of the cache key. */
const REFRESH_ON_SHIFT = 0.1

const CATEGORY_NAMES = Object.values(CATEGORIES).slice(0, 4)
const HEADER = [
  ...['strategy', 'N', 'top_k', 'budget', 'evidence recall', ...CATEGORY_NAMES],
  ...[
    'memory tokens',
    'block tokens',
    'reusable',
    'hits',
    'billed tokens',
    '`per_query` at equal cost',
    'ratio',
    'p50 ms',
    'p95 ms',
  ],
]

const options = readOptions({
  data: '',
  strategies: STRATEGIES.join(),
  orders: 'listed,topic',
  sweep: false,
})
const strategies = parseList('--strategies', options.strategies, STRATEGIES)
const orders = parseList('--orders', options.orders, ORDERS)

const { ingested, remove } = await ingest(readLocomo(requireDataFile(options.data)))
try {
  for (const order of orders) print(order, await measure(order))
} finally {
  remove()
}

function parseList<T extends string>(option: string, list: string, known: readonly T[]): T[] {
  return list.split(',').map((name) => {
    const found = known.find((one) => one === name)
    if (!found) throw new TypeError(`${option}: expected values from ${known.join()}, got "${name}"`)
    return found
  })
}

function settings(): Setting[] {
  const all: Setting[] = TOP_KS.map((topK) => ({
    strategy: 'per_query',
    windowSize: 10,
    topK,
    tokenBudget: 100_000,
  }))
  for (const strategy of strategies.filter((one) => one !== 'per_query')) {
    for (const windowSize of WINDOW_SIZES) all.push({ strategy, windowSize, ...DEFAULTS })
    if (strategy === 'cached') {
      all.push({ strategy, windowSize: 10, ...DEFAULTS, refreshOnShift: REFRESH_ON_SHIFT })
    } else if (options.sweep) {
      for (const tokenBudget of [800, 1200, 1500, 2000, 3000]) {
        for (const topK of [6, 8, 10, 12, 15]) all.push({ strategy, windowSize: 10, topK, tokenBudget })
      }
    }
  }
  return all
}

/** Measures each setting over all conversations. */
async function measure(order: Order): Promise<Measured[]> {
  const bySetting = new Map<Setting, Chat[]>(settings().map((setting) => [setting, []]))
  for (const [i, one] of ingested.entries()) {
    const smallTalk = ingested[(i + 1) % ingested.length]?.conversation.messages ?? []
    const chats = await ask(one, order, smallTalk, [...bySetting.keys()])
    for (const chat of chats) bySetting.get(chat.setting)?.push(chat)
  }
  return [...bySetting].map(([setting, chats]) => new Measured(setting, chats))
}

function print(order: Order, measured: readonly Measured[]): void {
  const frontier = measured.filter(({ setting }) => setting.strategy === 'per_query')
  const others = measured.filter(({ setting }) => setting.strategy !== 'per_query')
  const questions = measured[0]?.questionCount ?? 0
  console.log(`\n## Questions in order: ${order}\n`)
  console.log(
    `${questions} questions. Price model: ${OPENAI.name}; system prompt of about ${OPENAI.systemTokens} tokens.\n`,
  )
  const curve = new Curve(frontier, OPENAI)
  const shown = strategies.includes('per_query') ? measured : others
  console.log(table([HEADER, ...shown.map((one) => row(one, curve))]))
  const withDelta = others.filter(({ setting }) => setting.strategy === 'cached_delta')
  if (withDelta.length === 0) return
  const conversations = ingested.map(({ conversation }) => conversation.id)
  console.log('\nRecall of cached_delta relative to per_query at equal cost, by conversation:\n')
  const curves = conversations.map((id) => new Curve(frontier, OPENAI, id))
  console.log(
    table([
      ['cached_delta', ...conversations],
      ...withDelta.map((one) => [
        `N = ${one.setting.windowSize}, top_k ${one.setting.topK}, budget ${one.setting.tokenBudget}`,
        ...curves.map((curve) => curve.ratio(one).toFixed(3)),
      ]),
    ]),
  )
  const standard = withDelta.find(({ setting }) => setting.windowSize === 10) as Measured
  console.log('\nThe same by price model, cached_delta with default settings, N = 10:\n')
  console.log(
    table([
      ['price model', 'billed tokens', 'ratio'],
      ...PROVIDERS.map((model) => [
        `${model.name}; system prompt of about ${model.systemTokens} tokens`,
        standard.bill(model).billed.toFixed(0),
        new Curve(frontier, model).ratio(standard).toFixed(3),
      ]),
    ]),
  )
}

function row(one: Measured, curve: Curve): string[] {
  const { strategy, windowSize, topK, tokenBudget, refreshOnShift } = one.setting
  const { tokens, blockTokens, reusable, billed } = one.bill(OPENAI)
  const isCached = strategy !== 'per_query'
  return [
    refreshOnShift === undefined ? `\`${strategy}\`` : `\`${strategy}\`, refresh_on_shift ${refreshOnShift}`,
    isCached ? String(windowSize) : '',
    String(topK),
    isCached ? String(tokenBudget) : '',
    one.recall().toFixed(3),
    ...CATEGORY_NAMES.map((name) => one.recall({ category: name }).toFixed(3)),
    tokens.toFixed(0),
    isCached ? blockTokens.toFixed(0) : '',
    isCached ? `${((100 * reusable) / blockTokens).toFixed(0)} %` : '',
    isCached ? `${(100 * one.hitRate).toFixed(0)} %` : '',
    billed.toFixed(0),
    isCached ? curve.at(billed).toFixed(3) : '',
    isCached ? curve.ratio(one).toFixed(3) : '',
    percentile(one.tookMs, 0.5).toFixed(2),
    percentile(one.tookMs, 0.95).toFixed(2),
  ]
}
