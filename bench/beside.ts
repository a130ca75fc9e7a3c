/*
 * npm run bench -- beside [--seconds 5] [--memories 10000] [--keys 50000]
 *
 * The worst and the 99th percentile of GET /healthz, asked every 5 ms, while one user's heavy work runs: a turn of 1 MB of
 * Chinese, a query of 32,000 characters, an export, and a recall filtered over many metadata keys. The first row is without
 * any work. Each kind of work is repeated for `--seconds`.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { readOptions } from './lib/options.ts'
import { startSidecar } from './lib/sidecar-process.ts'
import { percentile } from './lib/statistics.ts'
import { table } from './lib/table.ts'

const { seconds, memories, keys } = readOptions({ seconds: 5, memories: 10_000, keys: 50_000 })

const INTERVAL_MS = 5
const MAX_METADATA_KEYS = 50
/** The sidecar writes its numbers in this time at the latest, milliseconds. */
const LOOP_WRITE_MS = 1000

// The default limit of a body is below a turn of 1 MB.
const folder = mkdtempSync(join(tmpdir(), 'hippocache-beside-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const loopFile = join(folder, 'loop')
await using sidecar = await startSidecar({
  MAX_BODY_BYTES: String(4 * 1024 * 1024),
  NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import ${new URL('./beside/loop-cpu.mjs', import.meta.url)}`,
  LOOP_CPU_FILE: loopFile,
})
console.log(`fills the sidecar at ${sidecar.url}\n`)

async function send(method: string, path: string, body?: unknown): Promise<void> {
  const init = body === undefined ? {} : { body: JSON.stringify(body) }
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${sidecar.url}${path}`, { method, headers, ...init })
  await answer.arrayBuffer()
  if (!answer.ok) throw new Error(`${method} ${path}: expected success, got ${answer.status}`)
}

async function importMemories(
  user_id: string,
  count: number,
  metadataOf: (i: number) => object,
): Promise<void> {
  for (let first = 0; first < count; first += 500) {
    const batch = Array.from({ length: Math.min(500, count - first) }, (_, i) => ({
      memory: `Note ${first + i}: the train to Kyoto leaves at nine, and the tea is in the blue box.`,
      metadata: metadataOf(first + i),
    }))
    await send('POST', '/v1/memories/import', { user_id, memories: batch })
  }
}

const CHINESE = Array.from(
  { length: 12_000 },
  (_, i) => `我在第${i}号房间住过，喜欢喝乌龙茶和听大提琴。`,
).join('')
const QUERY = Array.from({ length: 4000 }, (_, i) => `train${i % 977}`)
  .join(' ')
  .slice(0, 32_000)
const filters = { AND: Array.from({ length: 20 }, (_, i) => ({ [`metadata.key${i * 7}`]: { ne: i } })) }

let turn = 0
const WORK: Record<string, () => Promise<void>> = {
  nothing: () => setTimeout(50),
  'a turn of 1 MB of Chinese': async () => {
    turn += 1
    const messages = [{ role: 'user', content: `${turn} ${CHINESE}` }]
    await send('POST', '/v1/memories', { user_id: 'long', conversation_id: 'c', turn, messages })
  },
  'a query of 32,000 characters': () => send('POST', '/v1/recall', { user_id: 'ada', query: QUERY }),
  [`an export of ${memories} memories`]: () => send('GET', '/v1/export?user_id=ada'),
  [`a filter over ${keys} metadata keys`]: () =>
    send('POST', '/v1/recall', { user_id: 'keys', query: 'train to Kyoto', filters }),
}

/** Latencies of /healthz while a task is repeated, milliseconds. */
async function measure(task: () => Promise<void>): Promise<number[]> {
  const until = performance.now() + seconds * 1000
  const tookMs: number[] = []
  const work = (async () => {
    while (performance.now() < until) await task()
  })()
  const probe = (async () => {
    while (performance.now() < until) {
      const started = performance.now()
      await send('GET', '/healthz')
      tookMs.push(performance.now() - started)
      await setTimeout(INTERVAL_MS)
    }
  })()
  await Promise.all([work, probe])
  return tookMs
}

await importMemories('ada', memories, () => ({}))
await importMemories('keys', keys / MAX_METADATA_KEYS, (i) =>
  Object.fromEntries(
    Array.from({ length: MAX_METADATA_KEYS }, (_, k) => [`key${i * MAX_METADATA_KEYS + k}`, k]),
  ),
)
const rows: string[][] = []
for (const [name, task] of Object.entries(WORK)) {
  writeFileSync(`${loopFile}.reset`, '')
  await setTimeout(LOOP_WRITE_MS)
  const tookMs = await measure(task)
  await setTimeout(LOOP_WRITE_MS)
  const loopMs = Number(readFileSync(loopFile, 'utf8')).toFixed(0)
  const ms = (p: number) => percentile(tookMs, p).toFixed(1)
  rows.push([name, ms(0.5), ms(0.99), ms(1), loopMs, String(tookMs.length)])
}
console.log(
  table([
    [
      'GET /healthz beside',
      'p50 ms',
      'p99 ms',
      'worst ms',
      'longest run of the event loop, CPU ms',
      'requests',
    ],
    ...rows,
  ]),
)
