/*
 * npm run bench -- frontier [--data bench/talks/data] [--windows 5,10,20] [--orders spread,topic]
 *   [--strategies per_query,cached,cached_delta] [--dialogues 0] [--write]
 *
 * What each strategy finds and costs at each window size: labelled conversations are replayed turn by turn, with their
 * questions inserted as turns. `--data` is a folder of talks, or a file of LoCoMo or LongMemEval; `--dialogues` limits
 * the number of conversations (0: all). `--write` writes the results into README.md and docs/benchmarks.md.
 */
import { fileURLToPath } from 'node:url'
import { STRATEGIES } from '../sidecar/retrieval/strategies/request.ts'
import { ORDERS } from './dialogues/join.ts'
import { readDialogues, SHIPPED_TALKS } from './dialogues/read.ts'
import { measureFrontier } from './frontier/measure.ts'
import { formatOrder, formatShort, type OrderResult } from './frontier/report.ts'
import { parseIntegers, parseList, readOptions } from './lib/options.ts'
import { progress } from './lib/progress.ts'
import { commit, machine } from './lib/provenance.ts'
import { writeSection } from './lib/section.ts'

const options = readOptions({
  data: SHIPPED_TALKS,
  windows: '5,10,20',
  orders: 'spread,topic',
  strategies: STRATEGIES.join(),
  dialogues: 0,
  write: false,
})
const windows = parseIntegers('--windows', options.windows)
const orders = parseList('--orders', options.orders, ORDERS)
const strategies = parseList('--strategies', options.strategies, STRATEGIES)
const dialogues = readDialogues(options.data, options.dialogues)
const questions = dialogues.reduce((sum, one) => sum + one.questions.length, 0)
console.log(`${dialogues.length} conversations, ${questions} questions\n`)

const results: OrderResult[] = []
for (const order of orders) {
  const bar = progress(order, dialogues.length)
  results.push({ order, ...(await measureFrontier(dialogues, order, { windows, strategies }, bar.tick)) })
}
const short = formatShort(results)
const long = results.map(formatOrder).join('\n\n')
console.log(`${short}\n\n${long}`)
const uncovered = results.flatMap(({ measured }) => measured).reduce((sum, one) => sum + one.uncovered, 0)
if (uncovered > 0)
  throw new Error(`uncovered: expected 0 turns, got ${uncovered}; the window rule does not hold`)
if (options.write) {
  const root = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))
  const settings = `windows ${windows.join(', ')}; top_k 10; token budget 1,500; lexical; commit ${commit()}; ${machine()}`
  writeSection(root('README.md'), 'frontier', short.replace(/ *\| */g, '|'))
  writeSection(root('docs/benchmarks.md'), 'frontier', `${long}\n\nSettings: ${settings}.`)
}
