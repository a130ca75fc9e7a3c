/*
 * npm run bench -- cache [--entries 1000] [--bytes 2000] [--requests 4000] [--connections 32] [--rounds 7]
 *
 * GET /v1/cache with its rule of the window, on Redis, next to a bare Hono handler that GETs the same value from the
 * same Redis with ioredis, each in a process of its own. Rounds of the one and the other take turns, and so does who
 * goes first; the middle of the rounds counts, and of the ratios within a round. Redis is REDIS_URL, or a redis-server that is started for it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import { startRedis } from '../test/helpers/redis-server.ts'
import { compare, type Variant } from './lib/compare.ts'
import { startSidecar } from './lib/sidecar-process.ts'

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '1000' },
    bytes: { type: 'string', default: '2000' },
    requests: { type: 'string', default: '4000' },
    connections: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '7' },
  },
})
const [entries, bytes, requests, connections, rounds] = [
  values.entries,
  values.bytes,
  values.requests,
  values.connections,
  values.rounds,
].map(Number) as [number, number, number, number, number]

const given = process.env['REDIS_URL']
await using stack = new AsyncDisposableStack()
const redisUrl = given ?? stack.use(await startRedis()).url
const sidecar = stack.use(await startSidecar({ REDIS_URL: redisUrl, REDIS_KEY_PREFIX: 'bench:' }))
const bare = spawn(
  process.execPath,
  [new URL('lib/bare-redis-server.ts', import.meta.url).pathname, redisUrl],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
  },
)
stack.defer(() => void bare.kill())
const [address] = (await once(bare.stdout.setEncoding('utf8'), 'data')) as [string]

const place = { conversation_id: 'c-1', turn: 3, window_size: 10 }
const direct = new Redis(redisUrl)
stack.defer(() => direct.disconnect())
for (let i = 0; i < entries; i++) {
  const value = valueFor(i)
  const body = JSON.stringify({ value, ttl_s: 3600, ...place })
  const headers = { 'content-type': 'application/json' }
  const stored = await fetch(`${sidecar.url}/v1/cache/mem-${i}`, { method: 'PUT', headers, body })
  if (!stored.ok) throw new Error(`PUT: status ${stored.status}: ${await stored.text()}`)
  await direct.set(`bench-bare-${i}`, value, 'EX', 3600)
}

const all = Array.from({ length: entries }, (_, i) => i)
const query = 'conversation_id=c-1&turn=7&window_size=10'
const VARIANTS: [Variant, Variant] = [
  {
    name: 'GET /v1/cache',
    url: sidecar.url,
    requests: all.map((i) => ({ path: `/v1/cache/mem-${i}?${query}` })),
  },
  {
    name: 'bare Hono + ioredis',
    url: address.trim(),
    requests: all.map((i) => ({ path: `/bench-bare-${i}` })),
  },
]

for (const { name, url, requests: asked } of VARIANTS) {
  for (const [i, { path }] of asked.entries()) {
    const answer = (await (await fetch(`${url}${path}`)).json()) as { status: string; value: string }
    if (answer.status !== 'hit' || answer.value !== valueFor(i)) {
      throw new Error(`${name}: expected a hit with value ${i}, got ${JSON.stringify(answer).slice(0, 200)}`)
    }
  }
}
const late = await (await fetch(`${sidecar.url}/v1/cache/mem-0?${query.replace('turn=7', 'turn=13')}`)).json()
if ((late as { status: string }).status !== 'stale')
  throw new Error('expected a stale answer past the window')
console.log(
  `${entries} values of ${bytes} bytes; every one is answered rightly by both, and stale past its window\n`,
)

await compare(VARIANTS, { requests, connections, rounds })

function valueFor(i: number): string {
  return `- memory ${i}: `.padEnd(bytes, 'Ada likes tea. ')
}
