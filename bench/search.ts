/*
 * npm run bench -- search [--records 100000] [--scopes 10000] [--searches 300]
 *
 * Latency of RecordStore.search on SQLite: a scope of 500 records, a large one, and many scopes of 100 records in random
 * order; also the cost of a commit. Records have 45 terms with Zipf frequencies, without stop words, and vectors around a
 * common component, like those of neural embedders. First checks the answers against an exhaustive search.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteRecords } from '../sidecar/adapters/sqlite/records.ts'
import type { RecordStore, SearchQuery, StoredRecord } from '../sidecar/ports/records.ts'
import { seededRandom } from './lib/generated-facts.ts'
import { readOptions } from './lib/options.ts'
import { mean, percentile } from './lib/statistics.ts'
import { table } from './lib/table.ts'
import { queryOf, recordOf, type SearchableRecord } from './search/data.ts'

const { records, scopes, searches, child } = readOptions({
  records: 100_000,
  scopes: 10_000,
  searches: 300,
  child: '',
})

/** As a recall of ten memories. */
const [LIMIT, NEIGHBOURS] = [64, 32]
const PER_SCOPE = 100
/** Records per commit while a file is built. */
const BATCH = 250
const SMALL = 500
const CHECKED = 20

/** A new process that opens a file and searches; writes what it measured as JSON. */
if (child !== '') {
  const [path = '', ...names] = JSON.parse(child) as string[]
  const store = openSqliteRecords(path)
  await store.check()
  const tookMs: number[] = []
  for (const [i, name] of names.entries())
    tookMs.push(await timed(() => store.search(name, queryOf(recordOf(i), LIMIT))))
  console.log(JSON.stringify({ tookMs, rss: process.memoryUsage.rss() }))
  process.exit()
}

const dir = mkdtempSync(join(tmpdir(), 'hippocache-'))
process.on('exit', () => rmSync(dir, { recursive: true, force: true }))

const rows = [['', 'p50 ms', 'p95 ms']]
const row = (name: string, tookMs: readonly number[]) => {
  rows.push([name, percentile(tookMs, 0.5).toFixed(2), percentile(tookMs, 0.95).toFixed(2)])
  return percentile(tookMs, 0.95)
}
const notes: string[] = []

await largeScope()
await manyScopes()
console.log(`\n${table(rows)}\n`)
for (const note of notes) console.log(note)

async function largeScope(): Promise<void> {
  const path = join(dir, 'large.db')
  const store = openSqliteRecords(path)
  const all = Array.from({ length: records }, (_, i) => recordOf(i))
  const rate = await build(store, all, () => 'large')
  notes.push(`import of ${records} records: ${rate.toFixed(0)} records/s (goal: ≥ 4000)`)
  await build(store, all.slice(0, SMALL), () => 'small')
  await check(store, all)

  const random = seededRandom(3)
  const pick = () => all[Math.floor(random() * all.length)] as SearchableRecord
  const ask = (more: Partial<SearchQuery> = {}) => ({
    ...queryOf(pick(), LIMIT),
    neighbours: NEIGHBOURS,
    ...more,
  })
  const half = { path: ['metadata', 'half'], equals: [1] } as const
  const tenth = all[Math.floor(records / 10)]?.search.features['at'] as number
  const ids = all.slice(0, 200).map(({ id }) => id)
  const variants: Record<string, () => [scope: string, query: SearchQuery]> = {
    [`${SMALL} records`]: () => ['small', ask()],
    [`${SMALL} records, without a vector`]: () => ['small', ask({ dense: undefined })],
    [`${SMALL} records, half of them filtered out`]: () => ['small', ask({ where: half })],
    [`${records} records`]: () => ['large', ask()],
    [`${records} records, without a vector`]: () => ['large', ask({ dense: undefined })],
    [`${records} records, half of them filtered out`]: () => ['large', ask({ where: half })],
    [`${records} records, \`also\` those of a tenth of the time`]: () => [
      'large',
      ask({ also: [{ path: ['sources', 0, 'at'], range: { lt: tenth } }] }),
    ],
    [`${records} records, \`also\` 200 by id`]: () => [
      'large',
      ask({ also: [{ path: ['id'], equals: ids }] }),
    ],
  }
  const p95: number[] = []
  for (const [name, next] of Object.entries(variants)) {
    for (let i = 0; i < 20; i++) await store.search(...next())
    p95.push(row(name, await series(searches, () => store.search(...next()))))
  }
  notes.push(`${records} records: p95 ${p95[3]?.toFixed(2)} ms (goal: ≤ 20, so that a recall takes 25)`)

  for (const [name, scope] of [
    ['small', 'commits'],
    [`${records} records`, 'large'],
  ] as const) {
    const commit = (record: StoredRecord) => store.commit([{ put: record, collection: 'memories', scope }])
    const [with_, without]: [number[], number[]] = [[], []]
    for (let i = 0; i < searches; i++) {
      const { search, ...plain } = recordOf(records + i)
      without.push(await timed(() => store.commit([{ put: plain, collection: 'memories', scope: 'plain' }])))
      with_.push(await timed(() => commit({ ...plain, search })))
    }
    const ratio = percentile(with_, 0.5) / percentile(without, 0.5)
    notes.push(
      `commit of one record with an entry, ${name}: ${percentile(with_, 0.5).toFixed(2)} ms, ${ratio.toFixed(2)} × one without (goal: ≤ 2)`,
    )
  }
  await store.close()
  const warm = percentile(
    await inNewProcess(
      path,
      Array.from({ length: 30 }, () => 'large'),
    ).then((r) => r.tookMs.slice(10)),
    0.5,
  )
  const cold: number[] = []
  for (let i = 0; i < 7; i++) cold.push((await inNewProcess(path, ['large'])).tookMs[0] as number)
  notes.push(
    `${records} records, first search of a process: ${percentile(cold, 0.5).toFixed(2)} ms, ${(percentile(cold, 0.5) / warm).toFixed(2)} × a later one (goal: ≤ 2)`,
  )
}

async function manyScopes(): Promise<void> {
  const path = join(dir, 'scopes.db')
  const store = openSqliteRecords(path)
  function* generated() {
    for (let i = 0; i < scopes * PER_SCOPE; i++) yield recordOf(i)
  }
  const rate = await build(store, generated(), (i) => `scope-${i % scopes}`)
  notes.push(`import of ${scopes} × ${PER_SCOPE} records, scopes in turn: ${rate.toFixed(0)} records/s`)
  await store.close()
  const random = seededRandom(5)
  const names = Array.from({ length: 1000 }, () => `scope-${Math.floor(random() * scopes)}`)
  const hot = await inNewProcess(
    path,
    names.map(() => 'scope-1'),
  )
  const cold = await inNewProcess(path, names)
  const ratio =
    row(`${scopes} scopes of ${PER_SCOPE}, random order`, cold.tookMs) / row('one of them', hot.tookMs)
  notes.push(
    `random scopes / one hot scope: ${ratio.toFixed(2)} × at p95 (goal: ≤ 3), RSS ${(cold.rss / 1e6).toFixed(0)} MB (goal: ≤ 500)`,
  )
}

/** Returns records per second of the commits alone. */
async function build(
  store: RecordStore,
  all: Iterable<StoredRecord>,
  scopeOf: (i: number) => string,
): Promise<number> {
  let [seconds, count] = [0, 0]
  let batch: { put: StoredRecord; collection: 'memories'; scope: string }[] = []
  const flush = async () => {
    seconds += (await timed(() => store.commit(batch))) / 1000
    batch = []
  }
  for (const put of all) {
    batch.push({ put, collection: 'memories', scope: scopeOf(count) })
    count += 1
    if (batch.length === BATCH) await flush()
  }
  await flush()
  return count / seconds
}

/** The candidates by embedding must hold nearly all of the nearest records, and the asked record itself. */
async function check(store: RecordStore, all: readonly SearchableRecord[]): Promise<void> {
  const shares: Record<number, number[]> = { 10: [], 50: [], [LIMIT]: [] }
  let asked = 0
  for (let i = 0; i < CHECKED; i++) {
    const record = all[Math.floor((i * all.length) / CHECKED)] as SearchableRecord
    const query = queryOf(record, LIMIT)
    const dense = query.dense as Float32Array
    const { candidates } = await store.search('large', { ...query, terms: new Map() })
    const found = new Set(candidates.map(({ id }) => id))
    const exact = all.map((one) => ({ id: one.id, dot: dot(one.dense, dense) })).sort((a, b) => b.dot - a.dot)
    for (const [k, list] of Object.entries(shares)) {
      const nearest = exact.slice(0, Number(k))
      list.push(nearest.filter(({ id }) => found.has(id)).length / nearest.length)
    }
    const byTerms = await store.search('large', { ...query, dense: undefined })
    if (byTerms.candidates.some(({ id }) => id === record.id)) asked += 1
  }
  const text = Object.entries(shares).map(
    ([k, list]) => `${(100 * mean(list)).toFixed(1)} % of the nearest ${k}`,
  )
  console.log(`check: candidates by embedding hold ${text.join(', ')}`)
  console.log(`check: candidates by terms hold the record asked for in ${asked} of ${CHECKED} searches`)
  if (mean(shares[50] as number[]) < 0.9 || asked < 0.6 * CHECKED)
    throw new Error('check: the answers are wrong')
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}

async function inNewProcess(
  path: string,
  names: readonly string[],
): Promise<{ tookMs: number[]; rss: number }> {
  const args = [join(import.meta.dirname, 'run.ts'), 'search', '--child', JSON.stringify([path, ...names])]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1e8 })
  const last = stdout.trim().split('\n').at(-1) ?? ''
  if (!last.startsWith('{')) throw new Error(`the child process failed: ${stderr}`)
  return JSON.parse(last)
}

async function series(count: number, task: () => Promise<unknown>): Promise<number[]> {
  const tookMs: number[] = []
  for (let i = 0; i < count; i++) tookMs.push(await timed(task))
  return tookMs
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await task()
  return performance.now() - start
}
