/*
 * npm run bench -- recall [--memories 500] [--requests 2000] [--graph]
 *
 * Latency of POST /v1/recall with the per-query strategy, one request at a time. Each request alternates with one to
 * a minimal Hono handler in its own process that parses and returns JSON of the same size: the cost of HTTP alone.
 * With --graph, also with the same request with `graph: true`, on 100 more memories that state relations.
 */
import { startChildServer } from './lib/child-server.ts'
import { type Connection, openConnection, serializeRequest } from './lib/connection.ts'
import { generateFacts, generateRelations, seededRandom } from './lib/generated-facts.ts'
import { createClient } from './lib/http.ts'
import { readOptions } from './lib/options.ts'
import { startSidecar } from './lib/sidecar-process.ts'
import { percentile } from './lib/statistics.ts'
import { table } from './lib/table.ts'

const WARM_UP_REQUESTS = 300

const options = readOptions({ memories: 500, requests: 2000, graph: false })

interface RecallAnswer {
  count: number
  memories: { memory: string }[]
}

await using sidecar = await startSidecar()
const client = createClient(sidecar.url)
const facts = generateFacts(options.memories, seededRandom(7))
const stated = [...facts.map(({ text }) => text), ...(options.graph ? generateRelations() : [])]
for (const [i, text] of stated.entries()) {
  const messages = [{ role: 'user', content: text }]
  await client.post('/v1/memories', { user_id: 'ada', conversation_id: 'c-1', turn: i + 1, messages })
}

const ask = (question: string) =>
  client.post<RecallAnswer>('/v1/recall', { user_id: 'ada', query: question, top_k: 8 })
let correct = 0
for (const { text, question } of facts) {
  if ((await ask(question)).memories[0]?.memory === text) correct += 1
}
console.log(`check: ${correct} of ${facts.length} questions return the expected memory first`)
if (correct / facts.length < 0.95) {
  throw new Error(`check: expected at least 95 % of the questions answered, got ${correct}/${facts.length}`)
}

const answerBytes = JSON.stringify(await ask(facts[0]?.question as string)).length
using baseline = await startChildServer('lib/baseline-json-server.ts', String(answerBytes))

type Variant = 'recall' | 'graph' | 'baseline'
const variants: Variant[] = options.graph ? ['recall', 'graph', 'baseline'] : ['recall', 'baseline']
const [toSidecar, toBaseline] = (await Promise.all([sidecar.url, baseline.url].map(openConnection))) as [
  Connection,
  Connection,
]
async function send(variant: Variant, question: string): Promise<void> {
  const isBaseline = variant === 'baseline'
  const body = JSON.stringify({ user_id: 'ada', query: question, top_k: 8, graph: variant === 'graph' })
  const request = { path: isBaseline ? '/' : '/v1/recall', body }
  const status = await (isBaseline ? toBaseline : toSidecar).send(
    serializeRequest(isBaseline ? baseline.url : sidecar.url, request),
  )
  if (status !== 200) throw new Error(`${variant}: expected status 200, got ${status}`)
}
for (let i = 0; i < WARM_UP_REQUESTS; i++) await send('baseline', 'warm up')

const tookMs: Record<Variant, number[]> = { recall: [], graph: [], baseline: [] }
for (let i = 0; i < options.requests; i++) {
  const { question } = facts[i % facts.length] as { question: string }
  // Each variant is the first equally often.
  const order = variants.map((_, k) => variants[(i + k) % variants.length] as Variant)
  for (const variant of order) {
    const started = performance.now()
    await send(variant, question)
    tookMs[variant].push(performance.now() - started)
  }
}
client.close()
toSidecar.close()
toBaseline.close()

const row = (name: string, samples: readonly number[]) => [
  name,
  ...[0.5, 0.95, 0.99].map((p) => percentile(samples, p).toFixed(3)),
]
console.log(
  `\n${options.requests} requests each, alternating; latency at the client; answers of ${answerBytes} bytes\n`,
)
console.log(
  table([
    ['', 'p50 ms', 'p95 ms', 'p99 ms'],
    row('POST /v1/recall', tookMs.recall),
    ...(options.graph ? [row('with the graph', tookMs.graph)] : []),
    row('minimal Hono handler', tookMs.baseline),
  ]),
)
const ratioOf = (one: Variant, other: Variant) =>
  (percentile(tookMs[one], 0.5) / percentile(tookMs[other], 0.5)).toFixed(2)
console.log(`\nratio of p50, recall / minimal handler: ${ratioOf('recall', 'baseline')} ×`)
if (options.graph) console.log(`ratio of p50, with / without the graph: ${ratioOf('graph', 'recall')} ×`)
