/*
 * npm run bench -- adapters [--calls 150] [--rounds 9]
 *
 * Latency that an adapter adds to the direct call of its client: same data, same server, one call at a time. Rounds
 * alternate between the two; the result is the median of the ratios within one round. Uses REDIS_URL, or starts a
 * redis-server; uses QDRANT_URL, or starts the fake Qdrant server of the tests, which answers from memory.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { QdrantClient } from '@qdrant/js-client-rest'
import { Redis } from 'ioredis'
import { openQdrantRecords } from '../sidecar/adapters/qdrant/records.ts'
import { createRedisCache } from '../sidecar/adapters/redis/cache.ts'
import { connectRedis } from '../sidecar/adapters/redis/connection.ts'
import { createRedisScopeState } from '../sidecar/adapters/redis/scope-state.ts'
import { parseRedisUrl } from '../sidecar/adapters/redis/url.ts'
import { openSqliteRecords } from '../sidecar/adapters/sqlite/records.ts'
import type { StoredRecord } from '../sidecar/ports/records.ts'
import { startChildServer } from './lib/child-server.ts'
import { readOptions } from './lib/options.ts'
import { redisUrlFor } from './lib/redis.ts'
import { percentile } from './lib/statistics.ts'
import { table } from './lib/table.ts'

const { calls, rounds } = readOptions({ calls: 150, rounds: 9 })

const SCOPE = 'bench/ada'
const RECORDS = 200
const DIMENSIONS = 256
const TEXT = 'Ada moved to Kyoto and likes green tea. '.repeat(12)

interface Pair {
  name: string
  /** The direct call of the client. */
  direct: string
  /** Both calls must return equal values. */
  callAdapter: (i: number) => Promise<unknown>
  callDirectly: (i: number) => Promise<unknown>
}

await using stack = new AsyncDisposableStack()
const pairs = [...(await redisPairs()), ...(await qdrantPairs()), ...sqlitePairs(await sqliteStore())]
for (const { name, callAdapter, callDirectly } of pairs) {
  for (let i = 0; i < 20; i += 1) {
    const [adapter, direct] = [JSON.stringify(await callAdapter(i)), JSON.stringify(await callDirectly(i))]
    if (adapter !== direct) throw new Error(`${name}: expected equal results, got ${adapter} and ${direct}`)
  }
}
console.log(`check: adapter and direct call return equal values in all ${pairs.length} cases\n`)

const rows = [['', 'direct call', 'direct, p50 ms', 'adapter, p50 ms', 'ratio']]
for (const { name, direct, callAdapter, callDirectly } of pairs) {
  const variants = [
    { call: callDirectly, tookMs: [] as number[], p50Ms: [] as number[] },
    { call: callAdapter, tookMs: [] as number[], p50Ms: [] as number[] },
  ] as const
  for (let round = 0; round < rounds; round += 1) {
    for (const { call, tookMs, p50Ms } of round % 2 === 0 ? variants : variants.toReversed()) {
      const samples = await measure(call)
      tookMs.push(...samples)
      p50Ms.push(percentile(samples, 0.5))
    }
  }
  const [byClient, byAdapter] = variants
  const ratios = byAdapter.p50Ms.map((ms, round) => ms / (byClient.p50Ms[round] as number))
  const p50s = variants.map(({ tookMs }) => percentile(tookMs, 0.5).toFixed(3))
  rows.push([name, direct, ...p50s, `${percentile(ratios, 0.5).toFixed(2)} ×`])
}
console.log(table(rows))

async function measure(call: (i: number) => Promise<unknown>): Promise<number[]> {
  const samples: number[] = []
  for (let i = 0; i < calls; i += 1) {
    const before = performance.now()
    await call(i)
    samples.push(performance.now() - before)
  }
  return samples
}

async function redisPairs(): Promise<Pair[]> {
  const url = await redisUrlFor(stack)
  const options = {
    connection: connectRedis(parseRedisUrl(url), 2000),
    keyPrefix: 'bench:',
    maxValueBytes: 1_000_000,
  }
  const cache = createRedisCache(options)
  const state = createRedisScopeState(options)
  const client = new Redis(url)
  stack.defer(async () => {
    await cache.close()
    await state.close()
    client.disconnect()
  })
  const counters = await state.counters(SCOPE)
  await state.fill(SCOPE, 'block', TEXT, 3_600_000, counters)
  for (let i = 0; i < RECORDS; i += 1) {
    await cache.set(`value/${SCOPE}/${i}`, TEXT, 3_600_000)
    await client.set(`bench-raw-${i}`, TEXT, 'PX', 3_600_000)
  }
  return [
    {
      name: 'Redis: read a cache entry',
      direct: 'GET',
      callAdapter: async (i) => (await cache.get(`value/${SCOPE}/${i % RECORDS}`))?.value,
      callDirectly: (i) => client.get(`bench-raw-${i % RECORDS}`),
    },
    {
      name: 'Redis: store a cache entry',
      direct: 'SET PX',
      callAdapter: (i) => cache.set(`value/${SCOPE}/${i % RECORDS}`, TEXT, 3_600_000),
      callDirectly: async (i) => void (await client.set(`bench-raw-${i % RECORDS}`, TEXT, 'PX', 3_600_000)),
    },
    {
      name: 'Redis: read the counters and the block of a scope',
      direct: 'GET',
      callAdapter: async () => (await state.read(SCOPE, 'block')).block?.value,
      callDirectly: (i) => client.get(`bench-raw-${i % RECORDS}`),
    },
  ]
}

async function qdrantPairs(): Promise<Pair[]> {
  const url = process.env['QDRANT_URL'] ?? stack.use(await startChildServer('lib/fake-qdrant-server.ts')).url
  const apiKey = process.env['QDRANT_API_KEY']
  const prefix = `hippocache-bench-${process.pid}_`
  const embedder = { name: 'bench', dimensions: DIMENSIONS }
  const store = await openQdrantRecords({ url, apiKey, prefix, timeoutMs: 10_000, embedder })
  const headers = apiKey ? { 'api-key': apiKey } : {}
  const client = new QdrantClient({ url, headers, checkCompatibility: false })
  stack.defer(async () => {
    await store.close()
    const { collections } = await client.getCollections()
    for (const { name } of collections) if (name.startsWith(prefix)) await client.deleteCollection(name)
  })
  await store.commit(allRecords().map((put) => ({ put, collection: 'memories', scope: SCOPE })))
  const name = `${prefix}memories`
  const filter = {
    must: [
      { key: 'scope', match: { value: SCOPE } },
      { key: 'collection', match: { value: 'memories' } },
    ],
  }
  const all = await client.scroll(name, { filter, limit: RECORDS, with_payload: true })
  const points = all.points.sort((a, b) => Number(a.payload?.['order']) - Number(b.payload?.['order']))
  const idsOf = (found: readonly { payload?: Record<string, unknown> | null | undefined }[]) =>
    found.map(({ payload }) => payload?.['record_id'])
  return [
    {
      name: 'Qdrant: get a record',
      direct: 'retrieve',
      callAdapter: async (i) => (await store.get('memories', SCOPE, `r${i % RECORDS}`))?.id,
      callDirectly: async (i) => {
        const ids = [points[i % RECORDS]?.id as string]
        return idsOf(await client.retrieve(name, { ids, with_payload: true }))[0]
      },
    },
    {
      name: 'Qdrant: commit a memory atomically',
      direct: 'batch of one upsert, wait=true',
      callAdapter: (i) =>
        store.commit([{ put: recordOf(i % RECORDS), collection: 'memories', scope: SCOPE }]),
      callDirectly: async (i) => {
        const { id, payload } = points[i % RECORDS] as (typeof points)[number]
        const point = { id, payload: payload ?? {}, vector: { dense: Array.from(denseOf(i % RECORDS)) } }
        await client.batchUpdate(name, { operations: [{ upsert: { points: [point] } }], wait: true })
      },
    },
    {
      name: 'Qdrant: scroll 100 in order',
      direct: 'scroll, order_by',
      callAdapter: async () => (await store.scroll('memories', SCOPE, { limit: 100 })).map(({ id }) => id),
      callDirectly: async () => {
        const page = await client.scroll(name, {
          filter,
          limit: 100,
          with_payload: true,
          order_by: { key: 'order' },
        })
        return idsOf(page.points)
      },
    },
  ]
}

async function sqliteStore() {
  const dir = mkdtempSync(join(tmpdir(), 'hippocache-'))
  stack.defer(() => rmSync(dir, { recursive: true, force: true }))
  const store = openSqliteRecords(join(dir, 'ours.db'))
  stack.defer(() => store.close())
  await store.commit(allRecords().map((put) => ({ put, collection: 'memories', scope: SCOPE })))
  const db = new DatabaseSync(join(dir, 'raw.db'))
  stack.defer(() => db.close())
  db.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE records (id TEXT PRIMARY KEY, position INTEGER, payload TEXT, dense BLOB) WITHOUT ROWID;
    CREATE INDEX in_order ON records (position, id);`)
  return { store, db }
}

function sqlitePairs({ store, db }: Awaited<ReturnType<typeof sqliteStore>>): Pair[] {
  const put = db.prepare('INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)')
  const get = db.prepare('SELECT * FROM records WHERE id = ?')
  const page = db.prepare('SELECT * FROM records ORDER BY position, id LIMIT 100')
  const write = ({ id, order, payload, dense }: StoredRecord) => {
    db.exec('BEGIN IMMEDIATE')
    put.run(id, order, JSON.stringify(payload), new Uint8Array((dense as Float32Array).buffer))
    db.exec('COMMIT')
  }
  for (const record of allRecords()) write(record)
  return [
    {
      name: 'SQLite: get a record',
      direct: 'SELECT, JSON.parse',
      callAdapter: async (i) => (await store.get('memories', SCOPE, `r${i % RECORDS}`))?.payload['text'],
      callDirectly: async (i) => JSON.parse(String(get.get(`r${i % RECORDS}`)?.['payload'])).text,
    },
    {
      name: 'SQLite: commit a record durably',
      direct: 'transaction, synchronous=FULL',
      callAdapter: (i) =>
        store.commit([{ put: recordOf(i % RECORDS), collection: 'memories', scope: SCOPE }]),
      callDirectly: async (i) => write(recordOf(i % RECORDS)),
    },
    {
      name: 'SQLite: scroll 100 in order',
      direct: 'SELECT, JSON.parse',
      callAdapter: async () =>
        (await store.scroll('memories', SCOPE, { limit: 100 })).map(({ payload }) => payload['n']),
      callDirectly: async () => page.all().map((row) => JSON.parse(String(row['payload'])).n),
    },
  ]
}

function allRecords(): StoredRecord[] {
  return Array.from({ length: RECORDS }, (_, i) => recordOf(i))
}

function recordOf(i: number): StoredRecord {
  return { id: `r${i}`, order: i, payload: { text: TEXT, n: i }, dense: denseOf(i) }
}

/** A distinct unit vector for each number. */
function denseOf(i: number): Float32Array {
  const vector = Float32Array.from({ length: DIMENSIONS }, (_, k) => Math.sin((i + 1) * (k + 1)))
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}
