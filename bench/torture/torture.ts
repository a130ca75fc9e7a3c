/*
 * npm run torture -- [--seconds 600] [--rate 200] [--users 50] [--seed 1] [--kills 5]
 *
 * Fault injection over the whole pipeline, at a fixed rate of turns: the sidecar is killed and started again `--kills` times;
 * then the language model, the embedding model and Redis are each slow, down and half-answering, in an order that the seed
 * decides. Every acknowledged turn must be remembered exactly once, and the resident memory must stay below 1.25 GiB. In a run of
 * five minutes or more, the 99th percentile of recalls beside learning must be at most 5 times that without. `REDIS_URL`
 * names a Redis, otherwise a redis-server is started.
 *
 * npm run torture -- --soak --rate 50 [--seconds 600]
 *
 * The same load without kills and faults, at a rate at which the turns are learned as they arrive: in a run of five minutes or
 * more, the resident memory at the end must be at most 1.3 times that at an age of two minutes.
 *
 * npm run torture -- --schedules 10000 [--seed 1]
 *
 * Instead checks the window rule over random schedules, and prints progress with the seed of each hundred.
 *
 * Exit codes: 0 every check holds, 1 otherwise.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { checkRememberedOnce, drain, metricSum, postJson } from '../add/remembered.ts'
import { startChildServer } from '../lib/child-server.ts'
import { seededRandom } from '../lib/generated-facts.ts'
import { readOptions } from '../lib/options.ts'
import { redisUrlFor } from '../lib/redis.ts'
import { type SidecarProcess, startSidecar } from '../lib/sidecar-process.ts'
import { percentile } from '../lib/statistics.ts'
import { startFaultProxy } from './fault-proxy.ts'
import { createLoad } from './load.ts'
import { FAULTY_SHARE, type Slot, scheduleOf } from './schedule.ts'
import { checkWindowSchedules } from './window-schedules.ts'

const options = readOptions({
  seconds: 600,
  rate: 200,
  users: 50,
  seed: 1,
  kills: 5,
  soak: false,
  schedules: 0,
})

if (options.schedules > 0) {
  await checkWindowSchedules(options.schedules, options.seed)
  process.exit(0)
}

const MIB = 1024 * 1024
/** Resident memory that no run may exceed, bytes. */
const MAX_RESIDENT_BYTES = 1280 * MIB
/** Runs from this duration on also check the ratios, seconds. */
const SOAK_SECONDS = 300
/** Age of the process at the first measurement, seconds. */
const WARM_SECONDS = 120
const MAX_GROWTH = 1.3
const MAX_SLOWDOWN = 5
/** Other load on the machine makes no run fail. */
const START = { deadlineMs: 180_000 }
/** Share of the run for the recalls without and with learning, before the faults. */
const HEALTHY_SHARE = 0.1

await using stack = new AsyncDisposableStack()
const dataDir = mkdtempSync(join(tmpdir(), 'hippocache-torture-'))
stack.defer(() => rmSync(dataDir, { recursive: true, force: true }))
const models = stack.use(await startChildServer('add/slow-model-server.ts', '50'))
const proxies = {
  'language model': stack.use(await startFaultProxy(models.url)),
  'embedding model': stack.use(await startFaultProxy(models.url)),
  redis: stack.use(await startFaultProxy(await redisUrlFor(stack))),
}
const env = {
  DATA_DIR: dataDir,
  LOG_LEVEL: 'silent',
  OPENAI_BASE_URL: proxies['language model'].url,
  OPENAI_API_KEY: 'none',
  LLM_MODEL: 'slow',
  LLM_TIMEOUT_MS: '2000',
  EMBEDDING_BASE_URL: proxies['embedding model'].url,
  EMBEDDING_MODEL: 'scripted',
  EMBEDDING_DIMENSIONS: '64',
  REDIS_URL: proxies.redis.url,
  REDIS_KEY_PREFIX: `torture-${process.pid}:`,
}
let sidecar: SidecarProcess = await startSidecar(env, START)
stack.defer(() => sidecar[Symbol.asyncDispose]())

const users = Array.from({ length: options.users }, (_, i) => `user-${i}`)
const load = createLoad({ url: () => sidecar.url, users, rate: options.rate })
const started = performance.now()
/** The memory of a process is compared with that of the same process. */
let processStarted = started
let mostBytes = 0
let warmBytes = 0

/** Sampled every second, so that the value at two minutes is that of two minutes. */
const sampling = setInterval(() => void residentBytes().catch(() => {}), 1000)
stack.defer(() => clearInterval(sampling))

async function residentBytes(): Promise<number> {
  const bytes = await metricSum(sidecar.url, 'process_resident_memory_bytes')
  mostBytes = Math.max(mostBytes, bytes)
  const ageMs = performance.now() - processStarted
  if (ageMs < WARM_SECONDS * 1000) warmBytes = 0
  else if (warmBytes === 0) warmBytes = bytes
  return bytes
}

async function report(what: string): Promise<number> {
  const p99 = percentile(load.takeRecalls(), 0.99)
  const bytes = await residentBytes()
  const seconds = ((performance.now() - started) / 1000).toFixed(0).padStart(4)
  console.log(
    `${seconds} s  ${what.padEnd(24)} ${load.acknowledged.size} of ${load.sent} turns acknowledged, recall p99 ` +
      `${p99.toFixed(0)} ms, resident ${(bytes / MIB).toFixed(0)} MiB`,
  )
  return p99
}

async function restartOften(seconds: number): Promise<void> {
  for (let i = 0; i < options.kills; i++) {
    await setTimeout((seconds * 1000) / options.kills)
    const gone = new Promise((resolve) => sidecar.process.once('exit', resolve))
    sidecar.process.kill('SIGKILL')
    await gone
    sidecar = await startSidecar(env, START)
    processStarted = performance.now()
  }
}

async function suffer({ backend, fault }: Slot, seconds: number): Promise<void> {
  if (options.soak) {
    await load.run(seconds)
  } else if (fault === 'killed') {
    await Promise.all([load.run(seconds), restartOften(seconds * FAULTY_SHARE)])
  } else {
    const proxy = proxies[backend as keyof typeof proxies]
    proxy.become(fault)
    await load.run(seconds * FAULTY_SHARE)
    proxy.become('none')
    await load.run(seconds * (1 - FAULTY_SHARE))
  }
  await report(options.soak ? 'healthy' : `${backend} ${fault}`)
}

const slots = scheduleOf(Object.keys(proxies), seededRandom(options.seed))
const healthySeconds = (options.seconds * HEALTHY_SHARE) / 2
const slotSeconds = (options.seconds * (1 - HEALTHY_SHARE)) / slots.length
await load.run(healthySeconds)
await report('start')
await load.finish()
await drain(sidecar.url, users)
load.takeRecalls()
await load.run(healthySeconds / 2, false)
const quietP99 = await report('recalls only')
await load.run(healthySeconds / 2)
const busyP99 = await report('recalls beside learning')
for (const slot of slots) await suffer(slot, slotSeconds)
await load.finish()

// Turns whose extraction failed too often are tried again.
await Promise.all(
  users.map(async (user_id) =>
    (await postJson(`${sidecar.url}/v1/pending/replay`, { user_id, wait: false })).text(),
  ),
)
await drain(sidecar.url, users)
await checkRememberedOnce(sidecar.url, users, load.acknowledged)
const endBytes = await residentBytes()

const problems: string[] = []
if (load.acknowledged.size === 0) problems.push('expected acknowledged turns, got none')
if (mostBytes > MAX_RESIDENT_BYTES) {
  problems.push(`resident memory: expected at most ${MAX_RESIDENT_BYTES / MIB} MiB, got ${mostBytes / MIB}`)
}
if (options.seconds >= SOAK_SECONDS) {
  if (options.soak && endBytes > MAX_GROWTH * warmBytes) {
    problems.push(
      `resident memory: expected at most ${MAX_GROWTH} × that at ${WARM_SECONDS} s, got ${(endBytes / warmBytes).toFixed(2)}`,
    )
  }
  if (busyP99 > MAX_SLOWDOWN * quietP99) {
    problems.push(
      `recall p99 beside learning: expected at most ${MAX_SLOWDOWN} × that without, got ${(busyP99 / quietP99).toFixed(1)}`,
    )
  }
}
console.log(`not acknowledged: ${JSON.stringify([...load.refused])}`)
const mib = (bytes: number) => `${(bytes / MIB).toFixed(0)} MiB`
const warm = warmBytes
  ? `${mib(warmBytes)} at an age of ${WARM_SECONDS} s (${(endBytes / warmBytes).toFixed(2)} × at the end), `
  : ''
console.log(
  `check: ${load.acknowledged.size} of ${load.sent} turns were acknowledged, and each is remembered once\n` +
    `resident memory: ${warm}${mib(endBytes)} at the end, ${mib(mostBytes)} at most\n` +
    `recall p99: ${quietP99.toFixed(1)} ms without learning, ${busyP99.toFixed(1)} ms beside it ` +
    `(${(busyP99 / quietP99).toFixed(1)} ×)`,
)
if (problems.length > 0) throw new Error(problems.join('\n'))
