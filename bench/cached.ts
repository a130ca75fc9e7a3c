/*
 * npm run bench -- cached [--users 200] [--requests 4000] [--connections 32] [--rounds 7]
 *
 * POST /v1/recall with the strategy `cached`, served from a block on Redis, next to a minimal Hono handler that reads
 * a value of the same size from the same Redis with ioredis. Each server runs in its own process. Uses REDIS_URL, or
 * starts a redis-server.
 */
import { Redis } from 'ioredis'
import { startChildServer } from './lib/child-server.ts'
import { compare } from './lib/compare.ts'
import type { Request } from './lib/connection.ts'
import { type GeneratedFact, generateFacts, seededRandom } from './lib/generated-facts.ts'
import { readOptions } from './lib/options.ts'
import { redisUrlFor } from './lib/redis.ts'
import { startSidecar } from './lib/sidecar-process.ts'

const options = readOptions({ users: 200, requests: 4000, connections: 32, rounds: 7 })

const MEMORIES_PER_USER = 12
/** Every third turn says something that is remembered. */
const TURNS = 3 * MEMORIES_PER_USER

interface RecallAnswer {
  status: string
  context: string
  memories: { memory: string }[]
  cache: { result: string; reason: string; block_hash: string }
}

await using stack = new AsyncDisposableStack()
const redisUrl = await redisUrlFor(stack)
const sidecar = stack.use(
  await startSidecar({ REDIS_URL: redisUrl, REDIS_KEY_PREFIX: `bench-${process.pid}:` }),
)
const baseline = stack.use(await startChildServer('lib/baseline-redis-server.ts', redisUrl))
const redis = new Redis(redisUrl)
stack.defer(() => redis.disconnect())

const users = Array.from({ length: options.users }, (_, i) => i)
for (const user of users) {
  for (const [n, { text }] of factsOf(user).entries()) {
    const turn = { user_id: `user-${user}`, conversation_id: 'c-1', turn: 3 * n + 1 }
    await post('/v1/memories', { ...turn, messages: [{ role: 'user', content: text }] })
  }
}

const requests: Request[] = []
let totalBytes = 0
for (const user of users) {
  const [fact] = factsOf(user) as [GeneratedFact]
  const built = await post<RecallAnswer>('/v1/recall', recallBody(user, TURNS + 1, fact.question))
  const body = recallBody(user, TURNS + 4, 'And what else have we talked about?')
  const hit = await post<RecallAnswer>('/v1/recall', body)
  const isSameBlock =
    built.cache.result === 'miss' &&
    hit.cache.result === 'hit' &&
    hit.context === built.context &&
    hit.cache.block_hash === built.cache.block_hash &&
    hit.context.includes(fact.text) &&
    hit.memories.length === built.memories.length
  if (!isSameBlock) {
    throw new Error(`user ${user}: expected a cache hit with the same block, got ${JSON.stringify(hit)}`)
  }
  const bytes = Buffer.byteLength(JSON.stringify(hit)) - Buffer.byteLength('{"status":"hit","value":""}')
  totalBytes += bytes
  const value = 'Ada likes tea. '.repeat(bytes / 15 + 1).slice(0, bytes)
  await redis.set(`bench-baseline-${user}`, value, 'EX', 3600)
  requests.push({ path: '/v1/recall', body: JSON.stringify(body) })
}
const { cache } = await post<RecallAnswer>('/v1/recall', recallBody(0, TURNS + 11, 'And what else?'))
if (cache.reason !== 'window') throw new Error(`cache.reason: expected window, got ${cache.reason}`)
// Rebuild the block of user 0 at the turn at which the blocks of the other users were built.
const [firstFact] = factsOf(0) as [GeneratedFact]
await post('/v1/recall', { ...recallBody(0, TURNS + 1, firstFact.question), refresh: true })
console.log(
  `check: ${options.users} users with ${MEMORIES_PER_USER} memories and answers of ${Math.round(totalBytes / options.users)} bytes on average; ` +
    'every recall inside the window is a hit with the same block, and the block is rebuilt after the window\n',
)

await compare(
  [
    { name: 'POST /v1/recall, cached', url: sidecar.url, requests },
    {
      name: 'minimal Hono + ioredis',
      url: baseline.url,
      requests: users.map((user) => ({ path: `/bench-baseline-${user}` })),
    },
  ],
  options,
)

function factsOf(user: number): GeneratedFact[] {
  return generateFacts(MEMORIES_PER_USER, seededRandom(user + 1))
}

function recallBody(user: number, turn: number, query: string) {
  return {
    user_id: `user-${user}`,
    conversation_id: 'c-1',
    turn,
    query,
    strategy: 'cached',
    window_size: 10,
  }
}

async function post<T>(path: string, body: unknown): Promise<T> {
  const response = await fetch(`${sidecar.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${path}: status ${response.status}: ${await response.text()}`)
  return (await response.json()) as T
}
