/*
 * npm run replay -- [--user ID] [--app ID] [--namespace NAME] [--since 30d] [--strategies per_query,cached,cached_delta]
 *   [--windows 5,10,20] [--refresh-on-shift 0.1] [--top-k 10] [--token-budget 1500] [--format markdown|csv|json]
 *   [--to FILE] [--state FILE]
 *
 * Reports what each strategy would have injected at each stored turn; see docs/replay.md. Only reads the store, also while a
 * sidecar uses it, and calls no model. Run it again to continue an interrupted run.
 */
import { hash } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInProcessScopeLock } from '../adapters/in-process/lock.ts'
import { openSqliteRecords } from '../adapters/sqlite/records.ts'
import { readArguments } from '../cli/replay/arguments.ts'
import { openCheckpoint } from '../cli/replay/checkpoint.ts'
import { runCommand } from '../cli/transfer/command.ts'
import { progressBar } from '../cli/transfer/progress.ts'
import { formatReplay } from '../experiments/replay/format.ts'
import { replay } from '../experiments/replay/replay.ts'
import { createReplayReport } from '../experiments/replay/report.ts'
import { type EmbedderName, getEmbedderNote } from '../memory/repositories/meta.ts'
import { RuleBook } from '../memory/rules/rule-book.ts'
import type { RecordStore } from '../ports/records.ts'
import { storeCommand } from './command.ts'
import { readConfig } from './config.ts'
import { replayEnginesOf } from './replay-engine.ts'
import { type Topology, topologyOf } from './topology.ts'

const NO_EMBEDDER: EmbedderName = { name: 'unknown', dimensions: 1 }

/** See the head of this file. */
export const replayCommand = storeCommand(async (openStore, { args, env, stderr }) => {
  const { options: given, format, to, state, identity } = readArguments(args, Date.now())
  if (to !== undefined && !existsSync(dirname(to))) {
    throw new Error(`--to: expected a file in an existing folder, got ${JSON.stringify(to)}`)
  }
  const config = readConfig(env)
  const topology = topologyOf(config).records
  await using stores = new AsyncDisposableStack()
  const records = stores.adopt(await openReadOnly(topology, openStore), (store) => store.close())
  const embedder = (await getEmbedderNote(records)) ?? NO_EMBEDDER
  const ruleBook = new RuleBook({
    ...{ records, lock: createInProcessScopeLock() },
    defaultRules: config.defaultRules,
  })
  const store = topology.kind === 'sqlite' ? topology.path : `${topology.url} ${topology.prefix}`
  const of = hash('sha256', `${store}\n${identity}`, 'hex')
  const path = state ?? join(tmpdir(), `hippocache-replay-${of.slice(0, 16)}.jsonl`)
  const checkpoint = openCheckpoint(path, of, given.since)
  const options = { ...given, since: checkpoint.since }
  const bar = progressBar('replay', stderr)
  if (checkpoint.resumed > 0)
    bar.say(`Continuing an interrupted run; users already replayed: ${checkpoint.resumed}.`)
  await using engines = replayEnginesOf(config, ruleBook, embedder)
  let invalidRecords = 0
  const tally = await replay(options, {
    source: records,
    engines,
    checkpoint,
    onInvalidRecord: () => {
      invalidRecords += 1
    },
    onProgress: (done, total) => bar.draw(total === 0 ? 1 : done / total, `${done} of ${total} turns`),
  })
  bar.end()
  if (invalidRecords > 0) bar.say(`${invalidRecords} invalid records were skipped.`)
  const text = formatReplay(createReplayReport(options, tally), format)
  if (to !== undefined) writeFileSync(to, text)
  checkpoint.remove()
  return to === undefined ? text.trimEnd() : `Done: the report is in ${to}.`
})

/** A SQLite file is opened for reading only; a replay writes nothing to Qdrant either. */
async function openReadOnly(
  topology: Topology['records'],
  openStore: (records: Topology['records'], embedder: EmbedderName) => Promise<RecordStore>,
): Promise<RecordStore> {
  if (topology.kind === 'sqlite') {
    const records = openSqliteRecords(topology.path, { isReadOnly: true })
    await records.check()
    return records
  }
  const { readOnlyQdrant } = await import('../adapters/qdrant/records.ts')
  const embedder = await getEmbedderNote(readOnlyQdrant(topology))
  if (!embedder) throw new Error(`QDRANT_URL, QDRANT_COLLECTION_PREFIX: ${topology.url} has no memories`)
  const records = await openStore(topology, embedder)
  return {
    ...records,
    commit: () => Promise.reject(new Error('expected a replay to write nothing, got a commit')),
    // `openStore` closes it.
    close: async () => {},
  }
}

if (import.meta.main) await runCommand(replayCommand)
