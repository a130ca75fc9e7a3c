/*
 * node bench/locomo/strategies.ts --data FILE [--sweep]
 *
 * Evidence recall against billed tokens by strategy: the questions of LoCoMo conversations, each a turn of a chat.
 */
import { parseArgs } from 'node:util'
import type { Strategy } from '../../sidecar/recall/strategies/request.ts'
import { table } from '../lib/table.ts'
import { ask, type Told, type Turn, tell } from './chat.ts'
import { readLocomo } from './dataset.ts'
import { evidenceRecall, Mean } from './metric.ts'
import { type Bill, bill, type PriceModel } from './price.ts'

/** The first is what is reached for; with the others the system prompt alone is below the least prefix, or long. */
const MODELS: PriceModel[] = [1200, 400, 3000].map((systemTokens) => ({
  ...{ cached: 0.1, systemTokens, leastPrefix: 1024, step: 128 },
}))

interface Setting {
  strategy: Strategy
  windowSize: number
  topK: number
  tokenBudget: number
}

interface Point {
  setting: Setting
  recall: number
  hits: number
  /** For each price model. */
  bills: Bill[]
}

const { values } = parseArgs({
  options: { data: { type: 'string' }, sweep: { type: 'boolean', default: false } },
})
if (!values.data) {
  console.error('Expected --data FILE (a LoCoMo file)')
  process.exit(1)
}
const { told, remove } = await tell(readLocomo(values.data))
try {
  const frontier: Point[] = []
  for (const topK of [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30]) {
    frontier.push(await measure(told, { strategy: 'per_query', windowSize: 10, topK, tokenBudget: 100_000 }))
  }
  const points: Point[] = []
  for (const setting of settings(values.sweep)) points.push(await measure(told, setting))
  const asked = told.reduce((sum, { questions }) => sum + questions.length, 0)
  for (const [i, { cached, systemTokens, leastPrefix, step }] of MODELS.entries()) {
    console.log(
      `\n${asked} questions. A system prompt of ${systemTokens} tokens; a prefix costs ${cached} from ${leastPrefix} ` +
        `tokens on, in steps of ${step}.\n`,
    )
    const rows = [...frontier, ...points].map((point) => row(point, frontier, i))
    console.log(table([head(), ...rows]))
  }
} finally {
  remove()
}

/** The defaults of the node, and under `cached_delta` a larger block. */
function settings(isSweep: boolean): Setting[] {
  const all: Setting[] = []
  for (const windowSize of [5, 10, 20]) {
    all.push({ strategy: 'cached', windowSize, topK: 8, tokenBudget: 1200 })
    all.push({ strategy: 'cached_delta', windowSize, topK: 8, tokenBudget: 1200 })
    all.push({ strategy: 'cached_delta', windowSize, topK: 10, tokenBudget: 2400 })
  }
  for (const tokenBudget of isSweep ? [500, 800, 1200, 2400, 3600] : []) {
    for (const topK of [6, 8, 10, 14])
      all.push({ strategy: 'cached_delta', windowSize: 10, topK, tokenBudget })
  }
  return all
}

async function measure(all: readonly Told[], setting: Setting): Promise<Point> {
  const recall = new Mean()
  const hits = new Mean()
  const chats: Turn[][] = []
  for (const [i, one] of all.entries()) {
    const chatter = all[(i + 1) % all.length]?.conversation.messages ?? []
    const turns = await ask(one, chatter, setting)
    for (const { question, found, result } of turns) {
      if (result.degraded.length > 0) throw new Error(`degraded: ${result.degraded}`)
      recall.add(evidenceRecall(question, found))
      hits.add(result.cache.result === 'hit' ? 1 : 0)
    }
    chats.push(turns)
  }
  return {
    setting,
    recall: recall.value,
    hits: hits.value,
    bills: MODELS.map((model) => billAll(chats, model)),
  }
}

/** Means over all turns of all chats. */
function billAll(chats: readonly Turn[][], model: PriceModel): Bill {
  const means = { tokens: new Mean(), blockTokens: new Mean(), reusable: new Mean(), billed: new Mean() }
  for (const turns of chats) {
    const one = bill(turns, model)
    for (const key of Object.keys(means) as (keyof Bill)[]) for (const _ of turns) means[key].add(one[key])
  }
  const { tokens, blockTokens, reusable, billed } = means
  return {
    tokens: tokens.value,
    blockTokens: blockTokens.value,
    reusable: reusable.value,
    billed: billed.value,
  }
}

function head(): string[] {
  const setting = ['strategy', 'N', 'top_k', 'budget']
  const measured = ['evidence recall', 'memory tokens', 'block', 'reusable', 'hits', 'billed']
  return [...setting, ...measured, 'per_query at as many billed', 'ratio']
}

function row({ setting, recall, hits, bills }: Point, frontier: readonly Point[], model: number): string[] {
  const { tokens, blockTokens, reusable, billed } = bills[model] as Bill
  const isCached = setting.strategy !== 'per_query'
  const equal = isCached ? recallAt(frontier, model, billed) : undefined
  return [
    setting.strategy,
    isCached ? String(setting.windowSize) : '',
    String(setting.topK),
    isCached ? String(setting.tokenBudget) : '',
    recall.toFixed(3),
    tokens.toFixed(0),
    blockTokens.toFixed(0),
    blockTokens > 0 ? `${((100 * reusable) / blockTokens).toFixed(0)} %` : '',
    isCached ? `${(100 * hits).toFixed(0)} %` : '',
    billed.toFixed(0),
    equal === undefined ? '' : equal === null ? 'not to be had' : equal.toFixed(3),
    typeof equal === 'number' ? (recall / equal).toFixed(3) : '',
  ]
}

/** Between the two settings of `per_query` that bill less and more, in proportion; `null` below the least of them. */
function recallAt(frontier: readonly Point[], model: number, billed: number): number | null {
  const curve = frontier.map(({ recall, bills }) => ({ recall, billed: (bills[model] as Bill).billed }))
  const above = curve.findIndex((one) => one.billed >= billed)
  if (above === 0) return null
  if (above < 0) return curve.at(-1)?.recall ?? null
  const [low, high] = [
    curve[above - 1] as { recall: number; billed: number },
    curve[above] as { recall: number; billed: number },
  ]
  return low.recall + ((high.recall - low.recall) * (billed - low.billed)) / (high.billed - low.billed)
}
