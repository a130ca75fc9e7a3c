/*
 * npm run bench -- report [--units 100000] [--reads 4]
 *
 * Time of GET /v1/experiments/{name}/report over units of ten recalls each: a sidecar is started on a store that holds
 * their packed sums. First checks the counts, and that the report names the arm that was made better.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteRecords } from '../sidecar/adapters/sqlite/records.ts'
import { definitionId, definitionsScope, packIdOf, placeOf } from '../sidecar/experiments/online/places.ts'
import { addRow, emptySummary } from '../sidecar/experiments/online/summary.ts'
import { closePack, packs, packUnit, type UnitPack } from '../sidecar/experiments/online/unit-pack.ts'
import { PACK_ORDER, putTotals, type StoredUnit } from '../sidecar/experiments/online/unit-record.ts'
import type { Report } from '../sidecar/experiments/report/schema.ts'
import { bucketOf } from '../sidecar/experiments/report/statistics/histogram.ts'
import { toPayload } from '../sidecar/memory/repositories/record.ts'
import { experimentOf, latencies } from './experiment/random-units.ts'
import { seededRandom } from './lib/generated-facts.ts'
import { readOptions } from './lib/options.ts'
import { startSidecar } from './lib/sidecar-process.ts'

const NAMESPACE = 'default'
const TURNS = 10
/** Share of the conversations with thumbs up, by arm: `b` is better. */
const THUMBS_UP = { a: 0.6, b: 0.66 }

const { units, reads } = readOptions({ units: 100_000, reads: 4 })
const random = seededRandom(1)
const experiment = experimentOf()

const dataDir = mkdtempSync(join(tmpdir(), 'hippocache-'))
process.on('exit', () => rmSync(dataDir, { recursive: true, force: true }))
await fillStore(join(dataDir, 'hippocache.db'))

await using sidecar = await startSidecar({ DATA_DIR: dataDir })
for (let read = 1; read <= reads; read++) {
  const cpuBefore = await cpuSeconds()
  const started = performance.now()
  const report = await readReport()
  const tookMs = performance.now() - started
  const cpu = (await cpuSeconds()) - cpuBefore
  if (read === 1) check(report)
  const note = read === 1 ? ' (the first of the process; goal: < 2000 ms on an idle machine)' : ''
  console.log(`report ${read}: ${tookMs.toFixed(0)} ms, ${cpu.toFixed(2)} s of CPU in all threads${note}`)
}

/** CPU time of the sidecar since its start. */
async function cpuSeconds(): Promise<number> {
  const text = await (await fetch(`${sidecar.url}/metrics`)).text()
  return Number(/^process_cpu_seconds_total\S* (\S+)/m.exec(text)?.[1])
}

async function readReport(): Promise<Report> {
  const response = await fetch(`${sidecar.url}/v1/experiments/${experiment.name}/report`)
  if (!response.ok) throw new Error(`report: status ${response.status}: ${await response.text()}`)
  return (await response.json()) as Report
}

function check({ units: counted, turns, conclusion }: Report): void {
  console.log(`check: ${counted} units, ${turns} recalls: ${conclusion.sentence}`)
  if (counted !== units || turns !== units * TURNS || conclusion.kind !== 'better' || conclusion.arm !== 'b')
    throw new Error(`check: expected ${units} units of ${TURNS} recalls and arm b as the better one`)
}

async function fillStore(path: string): Promise<void> {
  const records = openSqliteRecords(path)
  const shards = new Map<string, Map<string, UnitPack>>()
  for (let i = 0; i < units; i++) {
    const { scope, recordId, unit } = place(i)
    const ofShard = shards.get(scope) ?? new Map<string, UnitPack>()
    shards.set(scope, ofShard)
    const packId = packIdOf(recordId)
    const pack: UnitPack = ofShard.get(packId) ?? new Map()
    ofShard.set(packId, pack)
    pack.set(recordId, packUnit(unitOf(i, unit)))
  }
  const definition = { id: definitionId(experiment.name), order: 0, payload: toPayload(experiment) }
  await records.commit([{ put: definition, collection: 'experiments', scope: definitionsScope(NAMESPACE) }])
  for (const [scope, ofShard] of shards) {
    let count = 0
    for (const [id, pack] of ofShard) {
      await records.commit([packs.put(scope, id, PACK_ORDER, closePack(pack))])
      count += pack.size
    }
    // The report needs the number of units, not that of each arm.
    await records.commit([
      putTotals(scope, { arms: { a: { units: count, turns: count * TURNS } }, live: 0, conflicts: 0 }),
    ])
  }
  await records.close()
}

function place(i: number) {
  const found = placeOf({ namespace: NAMESPACE, userId: `user-${i}` }, experiment, `conversation-${i}`)
  if (!found) throw new Error('expected an experiment with conversations as units')
  return found
}

/** A unit with ten recalls, half of them from cache in arm `b`, and a rating. */
function unitOf(i: number, { userId, conversationId }: ReturnType<typeof place>['unit']): StoredUnit {
  const arm = i % 2 === 0 ? 'a' : 'b'
  const unit: StoredUnit = {
    ...{ user_id: userId, conversation_id: conversationId, seen: i, recent: [], values: [] },
    summary: emptySummary(arm, i),
  }
  for (const [turn, total] of latencies(random).entries()) {
    const tokens = 500 + Math.floor(200 * random())
    addRow(unit, {
      kind: 'exposure',
      id: `recall-${i}-${turn}`,
      arm,
      at: i + turn,
      cache: arm === 'b' && turn % 2 === 1 ? 'hit.hit' : 'miss.turns',
      isDegraded: false,
      isEmpty: turn === 0,
      ...{ tokens, billedTokens: tokens, prefixTokens: 0 },
      latency: bucketOf(total),
      tookMs: { embed: 0, search: 0.7 * total, render: 0.1 * total, total },
    })
  }
  const value = random() < THUMBS_UP[arm] ? 1 : 0
  addRow(unit, { kind: 'outcome', id: `message-${i}`, name: 'thumbs', value, at: i + TURNS })
  return unit
}
