/*
 * npm run bench -- adapters [--calls 150] [--rounds 9]
 *
 * What an adapter adds to the raw call of its client: the same data, the same server, one call after the other. Rounds
 * of the one and the other take turns, and so does who goes first; the middle of the ratios within a round counts.
 * Redis is REDIS_URL, or a redis-server that is started for it; Qdrant is QDRANT_URL, or the stand-in of the tests,
 * which answers from memory.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'
import { QdrantClient } from '@qdrant/js-client-rest'
import { Redis } from 'ioredis'
import { openQdrantRecords } from '../sidecar/adapters/qdrant/records.ts'
import { openSqliteRecords } from '../sidecar/adapters/sqlite/records.ts'
import { createRedisCache } from '../sidecar/adapters/redis/cache.ts'
import { createRedisScopeState } from '../sidecar/adapters/redis/scope-state.ts'
import type { StoredRecord } from '../sidecar/ports/records.ts'
import { parseRedisUrl } from '../sidecar/redis-url.ts'
import { startRedis } from '../test/helpers/redis-server.ts'
import { percentile } from './lib/statistics.ts'
import { table } from './lib/table.ts'

const { values } = parseArgs({
  options: { calls: { type: 'string', default: '150' }, rounds: { type: 'string', default: '9' } },
})
const [calls, rounds] = [Number(values.calls), Number(values.rounds)]

const SCOPE = 'bench/ada'
const RECORDS = 200
const DIMENSIONS = 256
const TEXT = 'Ada moved to Kyoto and likes green tea. '.repeat(12)

interface Pair {
  name: string
  raw: string
  /** Both answer the same: how many values, or the value. */
  ours: (i: number) => Promise<unknown>
  bare: (i: number) => Promise<unknown>
}

await using stack = new AsyncDisposableStack()
const pairs = [...(await redisPairs()), ...(await qdrantPairs()), ...sqlitePairs(await sqliteStore())]
for (const { name, ours, bare } of pairs) {
  for (let i = 0; i < 20; i += 1) {
    const [one, other] = [JSON.stringify(await ours(i)), JSON.stringify(await bare(i))]
    if (one !== other) throw new Error(`${name}: expected the same from both, got ${one} and ${other}`)
  }
}
console.log(
  `${pairs.length} pairs answer the same; ${rounds} rounds of ${calls} calls, one after the other\n`,
)

const rows = [['', 'raw call', 'raw, p50 ms', 'adapter, p50 ms', 'ratio']]
for (const { name, raw, ours, bare } of pairs) {
  const took: [number[], number[]] = [[], []]
  const ratios: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const first = round % 2
    const p50: number[] = []
    for (const which of [first, 1 - first]) {
      const samples = await timed(which === 0 ? bare : ours)
      took[which as 0 | 1].push(...samples)
      p50[which] = percentile(samples, 0.5)
    }
    ratios.push((p50[1] as number) / (p50[0] as number))
  }
  const ms = took.map((samples) => percentile(samples, 0.5).toFixed(3)) as [string, string]
  rows.push([name, raw, ...ms, `${percentile(ratios, 0.5).toFixed(2)} ×`])
}
console.log(table(rows))

async function timed(call: (i: number) => Promise<unknown>): Promise<number[]> {
  const samples: number[] = []
  for (let i = 0; i < calls; i += 1) {
    const before = performance.now()
    await call(i)
    samples.push(performance.now() - before)
  }
  return samples
}

async function redisPairs(): Promise<Pair[]> {
  const url = process.env['REDIS_URL'] ?? stack.use(await startRedis()).url
  const options = {
    target: parseRedisUrl(url),
    keyPrefix: 'bench:',
    timeoutMs: 2000,
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
      name: 'Redis: read a value of the cache',
      raw: 'GET',
      ours: async (i) => (await cache.get(`value/${SCOPE}/${i % RECORDS}`))?.value,
      bare: (i) => client.get(`bench-raw-${i % RECORDS}`),
    },
    {
      name: 'Redis: store one',
      raw: 'SET PX',
      ours: (i) => cache.set(`value/${SCOPE}/${i % RECORDS}`, TEXT, 3_600_000),
      bare: async (i) => void (await client.set(`bench-raw-${i % RECORDS}`, TEXT, 'PX', 3_600_000)),
    },
    {
      name: 'Redis: read the counters of a scope and a block',
      raw: 'GET',
      ours: async () => (await state.read(SCOPE, 'block')).block?.value,
      bare: (i) => client.get(`bench-raw-${i % RECORDS}`),
    },
  ]
}

async function qdrantPairs(): Promise<Pair[]> {
  const url = process.env['QDRANT_URL'] ?? (await startStandIn())
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
  await store.commit(everyRecord().map((put) => ({ put, collection: 'memories', scope: SCOPE })))
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
      raw: 'retrieve',
      ours: async (i) => (await store.get('memories', SCOPE, `r${i % RECORDS}`))?.id,
      bare: async (i) => {
        const ids = [points[i % RECORDS]?.id as string]
        return idsOf(await client.retrieve(name, { ids, with_payload: true }))[0]
      },
    },
    {
      name: 'Qdrant: commit a memory, whole or not at all',
      raw: 'batch of one upsert, wait',
      ours: (i) => store.commit([{ put: recordOf(i % RECORDS), collection: 'memories', scope: SCOPE }]),
      bare: async (i) => {
        const { id, payload } = points[i % RECORDS] as (typeof points)[number]
        const point = { id, payload: payload ?? {}, vector: { dense: Array.from(denseOf(i % RECORDS)) } }
        await client.batchUpdate(name, { operations: [{ upsert: { points: [point] } }], wait: true })
      },
    },
    {
      name: 'Qdrant: scroll 100 in order',
      raw: 'scroll, order_by',
      ours: async () => (await store.scroll('memories', SCOPE, { limit: 100 })).map(({ id }) => id),
      bare: async () => {
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

async function startStandIn(): Promise<string> {
  const program = new URL('lib/qdrant-stand-in.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
  stack.defer(() => void child.kill())
  const [address] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  return address.trim()
}

async function sqliteStore() {
  const dir = mkdtempSync(join(tmpdir(), 'hippocache-'))
  stack.defer(() => rmSync(dir, { recursive: true, force: true }))
  const store = openSqliteRecords(join(dir, 'ours.db'))
  stack.defer(() => store.close())
  await store.commit(everyRecord().map((put) => ({ put, collection: 'memories', scope: SCOPE })))
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
  for (const record of everyRecord()) write(record)
  return [
    {
      name: 'SQLite: get a record',
      raw: 'SELECT, JSON.parse',
      ours: async (i) => (await store.get('memories', SCOPE, `r${i % RECORDS}`))?.payload['text'],
      bare: async (i) => JSON.parse(String(get.get(`r${i % RECORDS}`)?.['payload'])).text,
    },
    {
      name: 'SQLite: commit a record, on the disk',
      raw: 'transaction, synchronous=FULL',
      ours: (i) => store.commit([{ put: recordOf(i % RECORDS), collection: 'memories', scope: SCOPE }]),
      bare: async (i) => write(recordOf(i % RECORDS)),
    },
    {
      name: 'SQLite: scroll 100 in order',
      raw: 'SELECT, JSON.parse',
      ours: async () =>
        (await store.scroll('memories', SCOPE, { limit: 100 })).map(({ payload }) => payload['n']),
      bare: async () => page.all().map((row) => JSON.parse(String(row['payload'])).n),
    },
  ]
}

function everyRecord(): StoredRecord[] {
  return Array.from({ length: RECORDS }, (_, i) => recordOf(i))
}

function recordOf(i: number): StoredRecord {
  return { id: `r${i}`, order: i, payload: { text: TEXT, n: i }, dense: denseOf(i) }
}

/** A direction for each number, no two alike. */
function denseOf(i: number): Float32Array {
  const vector = Float32Array.from({ length: DIMENSIONS }, (_, k) => Math.sin((i + 1) * (k + 1)))
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}
