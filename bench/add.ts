/*
 * npm run bench -- add [--seconds 60] [--rate 200] [--users 100] [--model-ms 800] [--queue sqlite,redis]
 *
 * How long POST /v1/memories takes to answer for a turn while turns arrive at a fixed rate, whatever became of those
 * before (an open loop), and a model that takes its time learns from them. Between them, a quarter as often, the same
 * goes to a bare Hono handler with a synchronous insert into SQLite, in a process of its own. At the end everything
 * that was acknowledged must be remembered, once. `redis` uses REDIS_URL, or a redis-server that is started for it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { startRedis } from '../test/helpers/redis-server.ts'
import { type Arrival, send } from './add/arrivals.ts'
import { parcelsIn, said } from './add/parcels.ts'
import { type SidecarProcess, startSidecar } from './lib/sidecar-process.ts'
import { percentile } from './lib/statistics.ts'
import { table } from './lib/table.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '200' },
    users: { type: 'string', default: '100' },
    'model-ms': { type: 'string', default: '800' },
    queue: { type: 'string', default: 'sqlite,redis' },
  },
})
const [seconds, rate, users] = [values.seconds, values.rate, values.users].map(Number) as [
  number,
  number,
  number,
]
const queues = values.queue.split(',')
for (const queue of queues) {
  if (queue !== 'sqlite' && queue !== 'redis')
    throw new Error(`--queue: expected sqlite or redis, got ${queue}`)
}

/** How long what still waits at the end may take to be learned from, milliseconds. */
const DRAIN_MS = 300_000
const MIB = 1024 * 1024

const rows: string[][] = []
for (const queue of queues) rows.push(...(await measure(queue)))
console.log(
  `\n${rate} turns/s for ${seconds} s of ${users} users, a model that takes ${values['model-ms']} ms; milliseconds from arrival to answer\n`,
)
console.log(table([['', 'p50', 'p95', 'p99', 'most', 'p50 ÷ bare'], ...rows]))

async function measure(queue: string): Promise<string[][]> {
  await using stack = new AsyncDisposableStack()
  const model = await startProcess('add/model-process.ts', [values['model-ms']])
  stack.defer(() => model.stop())
  const bare = await startProcess('add/bare-process.ts', [])
  stack.defer(() => bare.stop())
  const redisUrl =
    queue === 'redis' ? (process.env['REDIS_URL'] ?? stack.use(await startRedis()).url) : undefined
  const sidecar = stack.use(
    await startSidecar({
      ...{ OPENAI_BASE_URL: model.url, OPENAI_API_KEY: 'none', LLM_MODEL: 'slow' },
      ...(redisUrl ? { REDIS_URL: redisUrl, REDIS_KEY_PREFIX: `bench-${process.pid}:` } : {}),
    }),
  )
  await check(sidecar, bare.url)

  const ours: number[] = []
  const theirs: number[] = []
  const refused = new Map<number, number>()
  const noting = (took: number[]) => (ms: number, status: number) => {
    took.push(ms)
    if (status !== 202) refused.set(status, (refused.get(status) ?? 0) + 1)
  }
  const count = seconds * rate
  const step = 1000 / rate
  const arrivals: Arrival[] = []
  for (let i = 0; i < count; i++) {
    const body = turnOf(i)
    const ask = { path: '/v1/memories', body }
    arrivals.push({ ...ask, baseUrl: sidecar.url, at: i * step, done: noting(ours) })
    if (i % 4 === 0) arrivals.push({ ...ask, baseUrl: bare.url, at: (i + 0.5) * step, done: noting(theirs) })
  }
  const atStart = await residentBytes(sidecar)
  await send(arrivals)
  const loaded = await residentBytes(sidecar)
  if (refused.size > 0) throw new Error(`expected 202 for every turn, got ${JSON.stringify([...refused])}`)
  const waiting = await waitingTurns(sidecar)
  const drained = await drain(sidecar)
  await assertRemembered(sidecar, count)
  console.log(
    `${queue}: ${count} turns acknowledged, each remembered once; ${waiting} waited at the end and were learned from in ${(drained / 1000).toFixed(0)} s; ` +
      `resident memory ${(atStart / MIB).toFixed(0)} → ${(loaded / MIB).toFixed(0)} MiB`,
  )
  return [
    row(`POST /v1/memories, queue on ${queue}`, ours, theirs),
    row('bare Hono + SQLite', theirs, theirs),
  ]
}

function turnOf(i: number) {
  const user = i % users
  return {
    user_id: `user-${user}`,
    conversation_id: `conversation-${user}`,
    turn: Math.floor(i / users) + 1,
    messages: [
      { role: 'user', content: said(i) },
      { role: 'assistant', content: 'That is good to know. Is there anything else that I can do for you?' },
    ],
  }
}

/** Before anything is timed: a turn is answered for, and can be recalled at once. */
async function check({ url }: SidecarProcess, bareUrl: string): Promise<void> {
  const messages = [{ role: 'user', content: said(0) }]
  const turn = { user_id: 'checked', conversation_id: 'c', turn: 1, messages }
  const added = await postJson(`${url}/v1/memories`, turn)
  if (added.status !== 202) throw new Error(`add: expected status 202, got ${added.status}`)
  const recalled = await postJson(`${url}/v1/recall`, { user_id: 'checked', query: 'Which parcel was it?' })
  const { context } = (await recalled.json()) as { context: string }
  if (!context.includes('parcel0x'))
    throw new Error(`recall: expected the turn in the context, got ${context}`)
  const stored = await postJson(`${bareUrl}/`, turn)
  if (stored.status !== 202) throw new Error(`bare: expected status 202, got ${stored.status}`)
}

/** Learns from what still waits, and answers how long that took, milliseconds. */
async function drain(sidecar: SidecarProcess): Promise<number> {
  const started = performance.now()
  while ((await waitingTurns(sidecar)) > 0) {
    if (performance.now() - started > DRAIN_MS) {
      throw new Error(`${await waitingTurns(sidecar)} turns still wait after ${DRAIN_MS} ms`)
    }
    const flushes = Array.from({ length: users }, (_, i) =>
      postJson(`${sidecar.url}/v1/flush`, { user_id: `user-${i}`, wait: false }).then((r) => r.text()),
    )
    await Promise.all([...flushes, postJson(`${sidecar.url}/v1/flush`, { user_id: 'checked', wait: false })])
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
  return performance.now() - started
}

async function assertRemembered({ url }: SidecarProcess, count: number): Promise<void> {
  const times = new Map<string, number>()
  for (let user = 0; user < users; user++) {
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query = new URLSearchParams({
        user_id: `user-${user}`,
        limit: '100',
        ...(cursor ? { cursor } : {}),
      })
      const answer = await fetch(`${url}/v1/memories?${query}`)
      const page = (await answer.json()) as { memories: { memory: string }[]; next_cursor: string | null }
      for (const { memory } of page.memories) {
        for (const parcel of parcelsIn(memory)) times.set(parcel, (times.get(parcel) ?? 0) + 1)
      }
      cursor = page.next_cursor
    }
  }
  const lost = Array.from({ length: count }, (_, i) => `parcel${i}x`).filter((parcel) => !times.has(parcel))
  const doubled = [...times].filter(([, n]) => n > 1).map(([parcel]) => parcel)
  if (lost.length > 0 || doubled.length > 0) {
    throw new Error(
      `expected every turn to be remembered once; lost ${lost.length} (${lost.slice(0, 5)}), doubled ${doubled.length} (${doubled.slice(0, 5)})`,
    )
  }
}

async function waitingTurns(sidecar: SidecarProcess): Promise<number> {
  return await metric(sidecar, 'hippocache_pending_turns')
}

async function residentBytes(sidecar: SidecarProcess): Promise<number> {
  return await metric(sidecar, 'process_resident_memory_bytes')
}

/** The sum over all labels. */
async function metric({ url }: SidecarProcess, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const samples = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))]
  if (samples.length === 0) throw new Error(`/metrics: expected ${name}`)
  return samples.reduce((sum, [, value]) => sum + Number(value), 0)
}

async function postJson(url: string, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
}

async function startProcess(file: string, args: readonly string[]) {
  const child: ChildProcess = spawn(process.execPath, [new URL(file, import.meta.url).pathname, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [address] = (await once(child.stdout?.setEncoding('utf8') as NodeJS.EventEmitter, 'data')) as [string]
  return { url: address.trim(), stop: () => void child.kill() }
}

function row(name: string, took: readonly number[], bare: readonly number[]): string[] {
  const ms = (p: number) => percentile(took, p).toFixed(2)
  return [
    name,
    ms(0.5),
    ms(0.95),
    ms(0.99),
    ms(1),
    (percentile(took, 0.5) / percentile(bare, 0.5)).toFixed(1),
  ]
}
