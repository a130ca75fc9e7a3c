/*
 * npm run bench -- search [--records 100000] [--searches 300]
 *
 * Latency of RecordStore.search on SQLite: a scope of 500 records and a large one; also the cost of a commit. Records have
 * 45 terms with Zipf frequencies, without stop words, and vectors around a common component, like those of neural
 * embedders. First checks the answers against an exhaustive search.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteRecords } from '../sidecar/adapters/sqlite/records.ts'
import type { RecordStore, SearchQuery, StoredRecord } from '../sidecar/ports/records.ts'
import { seededRandom } from './lib/generated-facts.ts'
import { readOptions } from './lib/options.ts'
import { mean, percentile } from './lib/statistics.ts'
import { table } from './lib/table.ts'
import { timed } from './lib/timed.ts'
import { queryOf, recordOf, type SearchableRecord } from './search/data.ts'

const { records, searches } = readOptions({ records: 100_000, searches: 300 })

/** As a recall of ten memories. */
const [LIMIT, NEIGHBOURS] = [64, 32]
/** Records per commit while a file is built. */
const BATCH = 250
const SMALL = 500
const CHECKED = 20

const dir = mkdtempSync(join(tmpdir(), 'hippocache-'))
process.on('exit', () => rmSync(dir, { recursive: true, force: true }))

const rows = [['', 'p50 ms', 'p95 ms']]
const row = (name: string, tookMs: readonly number[]) => {
  rows.push([name, percentile(tookMs, 0.5).toFixed(2), percentile(tookMs, 0.95).toFixed(2)])
}
const notes: string[] = []

await largeScope()
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
  for (const [name, next] of Object.entries(variants)) {
    for (let i = 0; i < 20; i++) await store.search(...next())
    row(name, await series(searches, () => store.search(...next())))
  }

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

async function series(count: number, task: () => Promise<unknown>): Promise<number[]> {
  const tookMs: number[] = []
  for (let i = 0; i < count; i++) tookMs.push(await timed(task))
  return tookMs
}
