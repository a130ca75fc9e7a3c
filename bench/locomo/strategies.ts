/*
 * node bench/locomo/strategies.ts --data FILE --strategies per_query,cached,cached_delta [--orders listed,topic] [--sweep]
 *
 * Evidence recall against billed tokens by strategy: the questions of LoCoMo conversations, each a turn of a chat with
 * the service in this process.
 */
import { parseArgs } from 'node:util'
import { percentile } from '../lib/statistics.ts'
import { table } from '../lib/table.ts'
import { ask, type Chat, ORDERS, type Order, type Setting, tell } from './chat.ts'
import { CATEGORIES, readLocomo } from './dataset.ts'
import { Curve } from './frontier.ts'
import { Measured } from './measured.ts'
import { OPENAI, PROVIDERS } from './providers.ts'

const STRATEGIES = ['per_query', 'cached', 'cached_delta'] as const
const WINDOWS = [5, 10, 20]
/** The defaults of the node. */
const DEFAULTS = { topK: 10, tokenBudget: 1500 }
/** Settings of `per_query` that the others are held against. */
const TOP_KS = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 50]
/** Cosine of two queries by words, below which the topic counts as another. One only: blocks are not told apart by it. */
const SHIFTS = [0.1]

const NAMES = Object.values(CATEGORIES).slice(0, 4)
const HEAD = [
  ...['strategy', 'N', 'top_k', 'budget', 'evidence recall', ...NAMES],
  ...[
    'memory tokens',
    'block',
    'reusable',
    'hits',
    'billed',
    '`per_query` at as many',
    'ratio',
    'p50 ms',
    'p95 ms',
  ],
]

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    strategies: { type: 'string', default: STRATEGIES.join() },
    orders: { type: 'string', default: 'listed,topic' },
    sweep: { type: 'boolean', default: false },
  },
})
if (!values.data) throw new TypeError('Expected --data FILE (a LoCoMo file)')
const strategies = chosen('--strategies', values.strategies, STRATEGIES)
const orders = chosen('--orders', values.orders, ORDERS)

const { told, remove } = await tell(readLocomo(values.data))
try {
  for (const order of orders) print(order, await play(order))
} finally {
  remove()
}

function chosen<T extends string>(option: string, list: string, known: readonly T[]): T[] {
  return list.split(',').map((name) => {
    const found = known.find((one) => one === name)
    if (!found) throw new TypeError(`${option}: expected some of ${known.join()}, got "${name}"`)
    return found
  })
}

function settings(): Setting[] {
  const all: Setting[] = TOP_KS.map((topK) => ({
    ...{ strategy: 'per_query', windowSize: 10, topK, tokenBudget: 100_000 },
  }))
  for (const strategy of strategies.filter((one) => one !== 'per_query')) {
    for (const windowSize of WINDOWS) all.push({ strategy, windowSize, ...DEFAULTS })
    if (strategy === 'cached') {
      for (const refreshOnShift of SHIFTS) all.push({ strategy, windowSize: 10, ...DEFAULTS, refreshOnShift })
    } else if (values.sweep) {
      for (const tokenBudget of [800, 1200, 1500, 2000, 3000]) {
        for (const topK of [6, 8, 10, 12, 15]) all.push({ strategy, windowSize: 10, topK, tokenBudget })
      }
    }
  }
  return all
}

/** Every setting over all conversations. */
async function play(order: Order): Promise<Measured[]> {
  const bySetting = new Map<Setting, Chat[]>(settings().map((setting) => [setting, []]))
  for (const [i, one] of told.entries()) {
    const chatter = told[(i + 1) % told.length]?.conversation.messages ?? []
    const chats = await ask(one, order, chatter, [...bySetting.keys()])
    for (const chat of chats) bySetting.get(chat.setting)?.push(chat)
  }
  return [...bySetting].map(([setting, chats]) => new Measured(setting, chats))
}

function print(order: Order, measured: readonly Measured[]): void {
  const frontier = measured.filter(({ setting }) => setting.strategy === 'per_query')
  const others = measured.filter(({ setting }) => setting.strategy !== 'per_query')
  const asked = measured[0]?.asked ?? 0
  console.log(`\n## Questions ${order === 'topic' ? 'by topic' : order}\n`)
  console.log(`${asked} questions. ${OPENAI.name}; a system prompt of about ${OPENAI.systemTokens} tokens.\n`)
  const curve = new Curve(frontier, OPENAI)
  const shown = strategies.includes('per_query') ? measured : others
  console.log(table([HEAD, ...shown.map((one) => row(one, curve))]))
  const beside = others.filter(({ setting }) => setting.strategy === 'cached_delta')
  if (beside.length === 0) return
  const conversations = told.map(({ conversation }) => conversation.id)
  console.log('\nRatio by conversation:\n')
  const curves = conversations.map((id) => new Curve(frontier, OPENAI, id))
  console.log(
    table([
      ['cached_delta', ...conversations],
      ...beside.map((one) => [
        `N = ${one.setting.windowSize}, top_k ${one.setting.topK}, budget ${one.setting.tokenBudget}`,
        ...curves.map((one_) => one_.ratio(one).toFixed(3)),
      ]),
    ]),
  )
  const standard = beside.find(({ setting }) => setting.windowSize === 10) as Measured
  console.log('\nRatio by provider, cached_delta at its defaults, N = 10:\n')
  console.log(
    table([
      ['price model', 'billed', 'ratio'],
      ...PROVIDERS.map((model) => [
        `${model.name}; system prompt of about ${model.systemTokens}`,
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
    refreshOnShift === undefined ? `\`${strategy}\`` : `\`${strategy}\`, shift below ${refreshOnShift}`,
    isCached ? String(windowSize) : '',
    String(topK),
    isCached ? String(tokenBudget) : '',
    one.recall().toFixed(3),
    ...NAMES.map((name) => one.recall({ category: name }).toFixed(3)),
    tokens.toFixed(0),
    isCached ? blockTokens.toFixed(0) : '',
    isCached ? `${((100 * reusable) / blockTokens).toFixed(0)} %` : '',
    isCached ? `${(100 * one.hits).toFixed(0)} %` : '',
    billed.toFixed(0),
    isCached ? curve.at(billed).toFixed(3) : '',
    isCached ? curve.ratio(one).toFixed(3) : '',
    percentile(one.milliseconds, 0.5).toFixed(2),
    percentile(one.milliseconds, 0.95).toFixed(2),
  ]
}
