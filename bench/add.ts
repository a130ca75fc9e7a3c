/*
 * npm run bench -- add [--seconds 60] [--rate 200] [--users 100] [--model-ms 800] [--queue sqlite,redis]
 *
 * Acknowledgement latency of POST /v1/memories while turns arrive at a fixed rate (an open loop) and a slow model
 * extracts memories from them. In between, a quarter as many requests go to a minimal Hono handler in its own process
 * that commits each body to SQLite. At the end every acknowledged turn must be remembered exactly once.
 * `--queue redis` uses REDIS_URL, or starts a redis-server.
 */
import { type Arrival, sendOpenLoop } from './add/open-loop.ts'
import { turnText } from './add/parcels.ts'
import { checkRememberedOnce, drain, metricSum, postJson } from './add/remembered.ts'
import { startChildServer } from './lib/child-server.ts'
import { readOptions } from './lib/options.ts'
import { redisUrlFor } from './lib/redis.ts'
import { type SidecarProcess, startSidecar } from './lib/sidecar-process.ts'
import { percentile } from './lib/statistics.ts'
import { table } from './lib/table.ts'

const options = readOptions({ seconds: 60, rate: 200, users: 100, 'model-ms': 800, queue: 'sqlite,redis' })
const users = Array.from({ length: options.users }, (_, i) => `user-${i}`)
const queues = options.queue.split(',')
for (const queue of queues) {
  if (queue !== 'sqlite' && queue !== 'redis')
    throw new Error(`--queue: expected sqlite or redis, got ${queue}`)
}

const MIB = 1024 * 1024

const rows: string[][] = []
for (const queue of queues) rows.push(...(await measure(queue)))
console.log('\nlatency from sending a turn to its acknowledgement\n')
console.log(table([['', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms', 'ratio of p50'], ...rows]))

async function measure(queue: string): Promise<string[][]> {
  await using stack = new AsyncDisposableStack()
  const model = stack.use(await startChildServer('add/slow-model-server.ts', String(options['model-ms'])))
  const baseline = stack.use(await startChildServer('add/baseline-sqlite-server.ts'))
  const redis =
    queue === 'redis'
      ? { REDIS_URL: await redisUrlFor(stack), REDIS_KEY_PREFIX: `bench-${process.pid}:` }
      : {}
  const llm = { OPENAI_BASE_URL: model.url, OPENAI_API_KEY: 'none', LLM_MODEL: 'slow' }
  const sidecar = stack.use(await startSidecar({ ...llm, ...redis }))
  await checkAnswers(sidecar, baseline.url)

  const sidecarMs: number[] = []
  const baselineMs: number[] = []
  const unexpected = new Map<number, number>()
  const recordIn = (samples: number[]) => (tookMs: number, status: number) => {
    samples.push(tookMs)
    if (status !== 202) unexpected.set(status, (unexpected.get(status) ?? 0) + 1)
  }
  const count = options.seconds * options.rate
  const intervalMs = 1000 / options.rate
  const arrivals: Arrival[] = []
  for (let i = 0; i < count; i++) {
    const request = { path: '/v1/memories', body: turnBody(i) }
    arrivals.push({
      ...request,
      baseUrl: sidecar.url,
      atMs: i * intervalMs,
      onAnswer: recordIn(sidecarMs),
    })
    if (i % 4 === 0) {
      const atMs = (i + 0.5) * intervalMs
      arrivals.push({ ...request, baseUrl: baseline.url, atMs, onAnswer: recordIn(baselineMs) })
    }
  }
  const residentBytes = () => metricSum(sidecar.url, 'process_resident_memory_bytes')
  const bytesBefore = await residentBytes()
  await sendOpenLoop(arrivals)
  const bytesAfter = await residentBytes()
  if (unexpected.size > 0) {
    throw new Error(`status: expected 202 for every turn, got ${JSON.stringify([...unexpected])}`)
  }
  const pending = await metricSum(sidecar.url, 'hippocache_pending_turns')
  const drainMs = await drain(sidecar.url, ['check', ...users])
  await checkRememberedOnce(sidecar.url, users, Array(count).keys())
  console.log(
    `check, queue on ${queue}: ${count} acknowledged turns are each remembered once; ` +
      `${pending} turns were pending at the end and took ${(drainMs / 1000).toFixed(0)} s; ` +
      `resident memory ${(bytesBefore / MIB).toFixed(0)} → ${(bytesAfter / MIB).toFixed(0)} MiB`,
  )
  return [
    row(`POST /v1/memories, queue on ${queue}`, sidecarMs, baselineMs),
    row('minimal Hono + SQLite', baselineMs, baselineMs),
  ]
}

function turnBody(i: number) {
  const user = i % options.users
  return {
    user_id: `user-${user}`,
    conversation_id: `conversation-${user}`,
    turn: Math.floor(i / options.users) + 1,
    messages: [
      { role: 'user', content: turnText(i) },
      { role: 'assistant', content: 'That is good to know. Is there anything else that I can do for you?' },
    ],
  }
}

/** Verifies before the measurement that both servers acknowledge a turn and that recall returns it at once. */
async function checkAnswers({ url }: SidecarProcess, baselineUrl: string): Promise<void> {
  const messages = [{ role: 'user', content: turnText(0) }]
  const turn = { user_id: 'check', conversation_id: 'c', turn: 1, messages }
  const added = await postJson(`${url}/v1/memories`, turn)
  if (added.status !== 202) throw new Error(`POST /v1/memories: expected status 202, got ${added.status}`)
  const recalled = await postJson(`${url}/v1/recall`, { user_id: 'check', query: 'Which parcel was it?' })
  const { context } = (await recalled.json()) as { context: string }
  if (!context.includes('parcel0x'))
    throw new Error(`recall: expected the turn in the context, got ${context}`)
  const stored = await postJson(`${baselineUrl}/`, turn)
  if (stored.status !== 202) throw new Error(`minimal handler: expected status 202, got ${stored.status}`)
}

function row(name: string, tookMs: readonly number[], baselineMs: readonly number[]): string[] {
  const ratio = percentile(tookMs, 0.5) / percentile(baselineMs, 0.5)
  return [name, ...[0.5, 0.95, 0.99, 1].map((p) => percentile(tookMs, p).toFixed(2)), `${ratio.toFixed(1)} ×`]
}
