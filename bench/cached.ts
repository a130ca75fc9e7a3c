/*
 * npm run bench -- cached [--users 200] [--requests 4000] [--connections 32] [--rounds 7]
 *
 * POST /v1/recall with the strategy cached, answered from its block on Redis, next to a bare Hono handler that GETs a
 * value of the same size from the same Redis with ioredis, each in a process of its own. Rounds of the one and the
 * other take turns, and so does who goes first; the middle of the rounds counts, and of the ratios within a round.
 * Redis is REDIS_URL, or a redis-server that is started for it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import { startRedis } from '../test/helpers/redis-server.ts'
import { compare } from './lib/compare.ts'
import type { Request } from './lib/connection.ts'
import { facts, seeded } from './lib/people.ts'
import { startSidecar } from './lib/sidecar-process.ts'

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '200' },
    requests: { type: 'string', default: '4000' },
    connections: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '7' },
  },
})
const [users, requests, connections, rounds] = [
  values.users,
  values.requests,
  values.connections,
  values.rounds,
].map(Number) as [number, number, number, number]

/** Turns that each user has had; every third of them said something. */
const TURNS = 36

interface Recalled {
  status: string
  context: string
  memories: { memory: string }[]
  cache: { result: string; reason: string; block_hash: string }
}

await using stack = new AsyncDisposableStack()
const redisUrl = process.env['REDIS_URL'] ?? stack.use(await startRedis()).url
const sidecar = stack.use(
  await startSidecar({ REDIS_URL: redisUrl, REDIS_KEY_PREFIX: `bench-${process.pid}:` }),
)
const bare = spawn(
  process.execPath,
  [new URL('lib/bare-redis-server.ts', import.meta.url).pathname, redisUrl],
  { stdio: ['ignore', 'pipe', 'inherit'] },
)
stack.defer(() => void bare.kill())
const [address] = (await once(bare.stdout.setEncoding('utf8'), 'data')) as [string]
const direct = new Redis(redisUrl)
stack.defer(() => direct.disconnect())

const all = Array.from({ length: users }, (_, i) => i)
const ofUser = (i: number) => facts(TURNS / 3, seeded(i + 1))
const recall = (i: number, turn: number, query: string) => ({
  ...{ user_id: `user-${i}`, conversation_id: 'c-1', turn, query },
  ...{ strategy: 'cached', window_size: 10 },
})
async function post<T>(path: string, body: unknown): Promise<T> {
  const response = await fetch(`${sidecar.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${path}: status ${response.status}: ${await response.text()}`)
  return (await response.json()) as T
}

for (const i of all) {
  for (const [n, { text }] of ofUser(i).entries()) {
    const said = { user_id: `user-${i}`, conversation_id: 'c-1', turn: 3 * n + 1 }
    await post('/v1/memories', { ...said, messages: [{ role: 'user', content: text }] })
  }
}

const requestsOf: Request[] = []
let bytes = 0
for (const i of all) {
  const [fact] = ofUser(i) as [{ text: string; question: string }]
  const built = await post<Recalled>('/v1/recall', recall(i, TURNS + 1, fact.question))
  const body = recall(i, TURNS + 4, 'And what else have we talked about?')
  const hit = await post<Recalled>('/v1/recall', body)
  const isRight =
    built.cache.result === 'miss' &&
    hit.cache.result === 'hit' &&
    hit.context === built.context &&
    hit.cache.block_hash === built.cache.block_hash &&
    hit.context.includes(fact.text) &&
    hit.memories.length === built.memories.length
  if (!isRight) throw new Error(`user ${i}: expected the same block again, got ${JSON.stringify(hit)}`)
  const size = Buffer.byteLength(JSON.stringify(hit)) - Buffer.byteLength('{"status":"hit","value":""}')
  bytes += size
  await direct.set(`bench-bare-${i}`, 'Ada likes tea. '.repeat(size / 15 + 1).slice(0, size), 'EX', 3600)
  requestsOf.push({ path: '/v1/recall', body: JSON.stringify(body) })
}
const late = await post<Recalled>('/v1/recall', recall(0, TURNS + 11, 'And what else?'))
if (late.cache.reason !== 'window') throw new Error('expected a new block past the window')
// Back to where the block of the others is.
await post('/v1/recall', { ...recall(0, TURNS + 1, ofUser(0)[0]?.question as string), refresh: true })
console.log(
  `${users} users with ${TURNS / 3} memories, answers of ${Math.round(bytes / users)} bytes; every one is a hit with ` +
    `the same block, and none past its window\n`,
)

await compare(
  [
    { name: 'POST /v1/recall, cached', url: sidecar.url, requests: requestsOf },
    {
      name: 'bare Hono + ioredis',
      url: address.trim(),
      requests: all.map((i) => ({ path: `/bench-bare-${i}` })),
    },
  ],
  { requests, connections, rounds },
)
