/*
 * npm run bench -- locomo --data FILE [--k 10] [--steps] [--leave-one-out]
 *
 * Evidence recall@k of the ranking on LoCoMo conversations, from verbatim messages, without any model. --steps shows
 * the effect of each signal; --leave-one-out shows whether the constants are fitted to the data.
 */
import { lexicalEmbedder } from '../../sidecar/adapters/in-process/lexical-embedder.ts'
import { readOptions, requireDataFile } from '../lib/options.ts'
import { createVariations, type Variant, WITHOUT } from './ablation.ts'
import { CATEGORIES, type Conversation, readLocomo } from './dataset.ts'
import { evaluate, type Prepared, prepare, type Report, report } from './evaluate.ts'
import { askPlainBm25 } from './plain-bm25.ts'

const options = readOptions({ data: '', k: 10, steps: false, 'leave-one-out': false })
const { k } = options
const conversations = readLocomo(requireDataFile(options.data))
const categories = Object.values(CATEGORIES).slice(0, 4)
const started = performance.now()

console.log(`Evidence recall@${k} (share of evidence messages among the first ${k}), categories 1-4\n`)
printRow('', 'all', ...conversations.map(({ id }) => id), '', ...categories)
for (const captions of [true, false]) {
  const label = captions ? 'with captions' : 'without captions'
  printReport(`plain BM25, ${label}`, plain(conversations, captions))
  const prepared = await prepareAll(captions)
  printReport(`Hippocache, ${label}`, evaluate(prepared, k))
  if (captions) {
    printReport('  with the graph', evaluate(prepared, k, undefined, true))
    for (const other of [5, 20].filter((depth) => depth !== k)) {
      printReport(`  recall@${other}`, evaluate(prepared, other))
    }
    if (options.steps) for (const variant of WITHOUT) printVariant(prepared, variant)
    if (options['leave-one-out']) leaveOneOut(prepared)
  }
}
console.log(`\n${((performance.now() - started) / 1000).toFixed(1)} s`)

function prepareAll(captions: boolean): Promise<Prepared[]> {
  const embedder = lexicalEmbedder()
  return Promise.all(conversations.map((one) => prepare(one, embedder, { captions })))
}

function plain(all: readonly Conversation[], captions: boolean): Report {
  return report(new Map(all.map((one) => [one.id, askPlainBm25(one, k, { captions })])))
}

/**
 * For each conversation, selects the variation that is best on the other conversations and prints its recall on this
 * one next to that of the current constants. If the selection gains nothing, the constants are not fitted.
 */
function leaveOneOut(prepared: readonly Prepared[]): void {
  const tried = createVariations().map(({ name, settings }) => ({
    name,
    report: evaluate(prepared, k, settings),
  }))
  const current = tried[0]?.report as Report
  const values = tried.map((one) => one.report.all)
  console.log(
    `\n${tried.length - 1} variations (each constant halved and doubled): recall ` +
      `${Math.min(...values).toFixed(3)}…${Math.max(...values).toFixed(3)}, current constants ${current.all.toFixed(3)}`,
  )
  for (const left of prepared.map(({ conversation }) => conversation.id)) {
    const others = ({ byConversation }: Report) =>
      Object.entries(byConversation).reduce((sum, [id, recall]) => sum + (id === left ? 0 : recall), 0)
    const best = tried.reduce((a, b) => (others(b.report) > others(a.report) ? b : a))
    const chosen = best.report.byConversation[left] as number
    console.log(
      `  without ${left}: best variation "${best.name}" has ${chosen.toFixed(3)} on ${left}; ` +
        `current constants ${current.byConversation[left]?.toFixed(3)}`,
    )
  }
  console.log()
}

function printVariant(prepared: readonly Prepared[], { name, settings }: Variant): void {
  printReport(`  ${name}`, evaluate(prepared, k, settings))
}

function printReport(name: string, { all, byConversation, byCategory }: Report): void {
  const cells = [
    all,
    ...Object.values(byConversation),
    null,
    ...categories.map((category) => byCategory[category] ?? null),
  ]
  printRow(name, ...cells.map((cell) => (cell === null ? '' : cell.toFixed(3))))
}

function printRow(name: string, ...cells: string[]): void {
  console.log(name.padEnd(30) + cells.map((cell) => cell.padStart(cell === '' ? 2 : 12)).join(''))
}
