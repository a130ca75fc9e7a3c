/*
 * npm run bench -- cache [--entries 1000] [--bytes 2000] [--requests 4000] [--connections 32] [--rounds 7]
 *
 * GET /v1/cache, including its window rule, on Redis, next to a minimal Hono handler that reads the same value from
 * the same Redis with ioredis. Each server runs in its own process. Uses REDIS_URL, or starts a redis-server.
 */
import { Redis } from 'ioredis'
import { startChildServer } from './lib/child-server.ts'
import { compare, type Variant } from './lib/compare.ts'
import { readOptions } from './lib/options.ts'
import { redisUrlFor } from './lib/redis.ts'
import { startSidecar } from './lib/sidecar-process.ts'

const options = readOptions({ entries: 1000, bytes: 2000, requests: 4000, connections: 32, rounds: 7 })

/** Turns at which the entries are read: inside the window of the write at turn 3, and after it. */
const WRITE = { conversation_id: 'c-1', turn: 3, window_size: 10 }
const FRESH_QUERY = 'conversation_id=c-1&turn=7&window_size=10'
const STALE_QUERY = 'conversation_id=c-1&turn=13&window_size=10'

await using stack = new AsyncDisposableStack()
const redisUrl = await redisUrlFor(stack)
const sidecar = stack.use(await startSidecar({ REDIS_URL: redisUrl, REDIS_KEY_PREFIX: 'bench:' }))
const baseline = stack.use(await startChildServer('lib/baseline-redis-server.ts', redisUrl))
const redis = new Redis(redisUrl)
stack.defer(() => redis.disconnect())

for (let i = 0; i < options.entries; i++) {
  const value = entryValue(i)
  const stored = await fetch(`${sidecar.url}/v1/cache/mem-${i}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ value, ttl_s: 3600, ...WRITE }),
  })
  if (!stored.ok) throw new Error(`PUT /v1/cache: status ${stored.status}: ${await stored.text()}`)
  await redis.set(`bench-baseline-${i}`, value, 'EX', 3600)
}

const indexes = Array.from({ length: options.entries }, (_, i) => i)
const VARIANTS: [Variant, Variant] = [
  {
    name: 'GET /v1/cache',
    url: sidecar.url,
    requests: indexes.map((i) => ({ path: `/v1/cache/mem-${i}?${FRESH_QUERY}` })),
  },
  {
    name: 'minimal Hono + ioredis',
    url: baseline.url,
    requests: indexes.map((i) => ({ path: `/bench-baseline-${i}` })),
  },
]

for (const { name, url, requests } of VARIANTS) {
  for (const [i, { path }] of requests.entries()) {
    const answer = (await (await fetch(`${url}${path}`)).json()) as { status: string; value: string }
    if (answer.status !== 'hit' || answer.value !== entryValue(i)) {
      throw new Error(`${name}: expected a hit with value ${i}, got ${JSON.stringify(answer).slice(0, 200)}`)
    }
  }
}
const afterWindow = await (await fetch(`${sidecar.url}/v1/cache/mem-0?${STALE_QUERY}`)).json()
const { status } = afterWindow as { status: string }
if (status !== 'stale') throw new Error(`status after the window: expected stale, got ${status}`)
console.log(
  `check: both servers return all ${options.entries} values of ${options.bytes} bytes; the sidecar returns stale after the window\n`,
)

await compare(VARIANTS, options)

function entryValue(i: number): string {
  return `- memory ${i}: `.padEnd(options.bytes, 'Ada likes tea. ')
}
