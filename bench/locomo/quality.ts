/*
 * node bench/locomo/quality.ts --data FILE [--k 10] [--steps] [--leave-one-out]
 *
 * Evidence recall@k of the ranking on LoCoMo conversations, from raw messages, without any model.
 */
import { parseArgs } from 'node:util'
import { lexicalEmbedder } from '../../sidecar/adapters/in-process/lexical-embedder.ts'
import { STEPS, type Variant, variations, WITHOUT } from './ablation.ts'
import { CATEGORIES, type Conversation, readLocomo } from './dataset.ts'
import { evaluate, type Prepared, prepare, type Report, report } from './evaluate.ts'
import { askPlainBm25 } from './plain-bm25.ts'

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    k: { type: 'string', default: '10' },
    steps: { type: 'boolean', default: false },
    'leave-one-out': { type: 'boolean', default: false },
  },
})
const k = Number(values.k)
if (!values.data || !Number.isInteger(k) || k < 1) {
  console.error('Expected --data FILE (a LoCoMo file) and --k a positive integer')
  process.exit(1)
}

const conversations = readLocomo(values.data)
const categories = Object.values(CATEGORIES).slice(0, 4)
const started = performance.now()

console.log(`Evidence recall@${k}, categories 1-4, one memory = one message (kept sentences)\n`)
printRow('', 'all', ...conversations.map(({ id }) => id), '', ...categories)
for (const captions of [true, false]) {
  const label = captions ? 'with captions' : 'without captions'
  printReport(`plain BM25, ${label}`, plain(conversations, captions))
  const prepared = await prepareAll(captions)
  printReport(`Hippocache, ${label}`, evaluate(prepared, k))
  if (captions) {
    for (const other of [5, 20].filter((one) => one !== k)) {
      printReport(`  recall@${other}`, evaluate(prepared, other))
    }
    if (values.steps) for (const variant of [...STEPS, ...WITHOUT]) printVariant(prepared, variant)
    if (values['leave-one-out']) leaveOneOut(prepared)
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
 * For each conversation: the variant that is best on the others, and what it gives on this one, next to the
 * constants as they are. The constants are sound when choosing on the data gains nothing.
 */
function leaveOneOut(prepared: readonly Prepared[]): void {
  const tried = variations().map(({ name, settings }) => ({ name, report: evaluate(prepared, k, settings) }))
  const asIs = tried[0]?.report as Report
  const values = tried.map((one) => one.report.all)
  console.log(
    `\n${tried.length - 1} variations (each constant halved and doubled): ` +
      `${Math.min(...values).toFixed(3)}…${Math.max(...values).toFixed(3)}, as is ${asIs.all.toFixed(3)}`,
  )
  for (const left of prepared.map(({ conversation }) => conversation.id)) {
    const others = ({ byConversation }: Report) =>
      Object.entries(byConversation).reduce((sum, [id, recall]) => sum + (id === left ? 0 : recall), 0)
    const best = tried.reduce((a, b) => (others(b.report) > others(a.report) ? b : a))
    const chosen = best.report.byConversation[left] as number
    console.log(
      `  left out ${left}: best on the others is "${best.name}", gives ${chosen.toFixed(3)} here; ` +
        `as is ${asIs.byConversation[left]?.toFixed(3)}`,
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
