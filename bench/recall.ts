/*
 * npm run bench -- recall [--memories 500] [--requests 2000]
 *
 * Per-query recall over HTTP on a scope of 500 memories, one request at a time, interleaved request by request with
 * a bare Hono handler in a process of its own that parses and answers JSON of the same size: what HTTP costs anyway.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { createClient } from './lib/http.ts'
import { facts, seeded } from './lib/people.ts'
import { startSidecar } from './lib/sidecar-process.ts'
import { percentile } from './lib/statistics.ts'
import { table } from './lib/table.ts'

const { values } = parseArgs({
  options: { memories: { type: 'string', default: '500' }, requests: { type: 'string', default: '2000' } },
})
const memories = Number(values.memories)
const requests = Number(values.requests)

interface Recalled {
  count: number
  memories: { memory: string }[]
}

await using sidecar = await startSidecar()
const client = createClient(sidecar.url)
const known = facts(memories, seeded(7))
for (const [i, { text }] of known.entries()) {
  const messages = [{ role: 'user', content: text }]
  await client.post('/v1/memories', { user_id: 'ada', conversation_id: 'c-1', turn: i + 1, messages })
}

const ask = (question: string) =>
  client.post<Recalled>('/v1/recall', { user_id: 'ada', query: question, top_k: 8 })
let right = 0
for (const { text, question } of known) if ((await ask(question)).memories[0]?.memory === text) right += 1
const share = right / known.length
console.log(
  `${memories} memories stored; ${right} of ${known.length} questions answered by the right memory first`,
)
if (share < 0.95)
  throw new Error(`answers: expected at least 0.95 right before anything is timed, got ${share}`)

const size = JSON.stringify(await ask(known[0]?.question as string)).length
const bare = spawn(
  process.execPath,
  [new URL('lib/bare-server.ts', import.meta.url).pathname, String(size)],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
  },
)
const [address] = (await once(bare.stdout.setEncoding('utf8'), 'data')) as [string]
const bareClient = createClient(address.trim())
const askBare = (question: string) => bareClient.post('/', { user_id: 'ada', query: question, top_k: 8 })
for (let i = 0; i < 300; i++) await askBare('warm up')

const took: Record<'recall' | 'bare', number[]> = { recall: [], bare: [] }
for (let i = 0; i < requests; i++) {
  const { question } = known[i % known.length] as { question: string }
  for (const variant of i % 2 === 0 ? (['recall', 'bare'] as const) : (['bare', 'recall'] as const)) {
    const started = performance.now()
    await (variant === 'recall' ? ask(question) : askBare(question))
    took[variant].push(performance.now() - started)
  }
}
bare.kill()
client.close()
bareClient.close()

const ms = (samples: readonly number[], p: number) => percentile(samples, p).toFixed(3)
const row = (name: string, samples: readonly number[]) => [
  name,
  ms(samples, 0.5),
  ms(samples, 0.95),
  ms(samples, 0.99),
]
console.log(
  `\n${requests} requests each, interleaved; milliseconds at the client; answers of ${size} bytes\n`,
)
console.log(
  table([
    ['', 'p50', 'p95', 'p99'],
    row('POST /v1/recall', took.recall),
    row('bare Hono handler', took.bare),
  ]),
)
const ratio = percentile(took.recall, 0.5) / percentile(took.bare, 0.5)
console.log(`\nrecall p50 / bare p50: ${ratio.toFixed(2)}`)
