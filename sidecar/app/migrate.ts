/*
 * npm run migrate -- --to qdrant|sqlite [--from sqlite|qdrant]
 *
 * Copies everything from the SQLite file in DATA_DIR to the Qdrant server at QDRANT_URL, or back, and compares the two.
 * Every sidecar must be stopped. Run it again to continue an interrupted migration. The source stays unchanged. Exit
 * codes: 0 the target is complete, 1 failure.
 */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readIntakeLog } from '../cli/migration/intake-log.ts'
import { migrate } from '../cli/migration/migrate.ts'
import { type EmbedderName, getEmbedderNote } from '../memory/repositories/meta.ts'
import type { RecordStore } from '../ports/records.ts'
import { openRecords } from './backends.ts'
import { type Config, readConfig } from './config.ts'

const STORES = ['sqlite', 'qdrant'] as const
type StoreKind = (typeof STORES)[number]

/** Placeholder: the SQLite store does not depend on the embedder. */
const ANY_EMBEDDER: EmbedderName = { name: 'unknown', dimensions: 1 }

const stack = new AsyncDisposableStack()
try {
  console.log(await run())
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  await stack.disposeAsync()
}

async function run(): Promise<string> {
  const { from, to } = readArguments()
  const config = readConfig()
  assertSourceExists(config, from, to)
  assertIntakeLogEmpty(config, from)
  const source = await open(config, from, await embedderOf(config, from))
  const embedder = await getEmbedderNote(source)
  if (!embedder) return `Nothing to do: ${nameOf(config, from)} is empty.`
  if (embedder.underway) {
    throw new Error(
      `${nameOf(config, from)}: a re-embedding is incomplete; complete it with \`npm run reembed\` first`,
    )
  }
  const target = await open(config, to, embedder)
  const { wasComplete, counts } = await migrate({
    source,
    target,
    from: nameOf(config, from),
    onProgress: (step, records) => process.stderr.write(`\r${records} records ${step}`.padEnd(40)),
  })
  if (wasComplete) return `Nothing to do: the migration to ${nameOf(config, to)} is complete.`
  const rows = Object.entries(counts).map(
    ([collection, { scopes, records }]) => `  ${collection.padEnd(14)}${records} in ${scopes}`,
  )
  return (
    `\nDone: ${nameOf(config, to)} is an identical copy of ${nameOf(config, from)}. Records and scopes by collection:\n` +
    `${rows.join('\n')}\nStart the sidecar with ${to === 'qdrant' ? 'QDRANT_URL' : 'QDRANT_URL empty'} from now on.`
  )
}

function readArguments(): { from: StoreKind; to: StoreKind } {
  const { values } = parseArgs({ options: { from: { type: 'string' }, to: { type: 'string' } } })
  const to = oneOf('--to', values.to)
  const from =
    values.from === undefined ? (to === 'qdrant' ? 'sqlite' : 'qdrant') : oneOf('--from', values.from)
  if (from === to) throw new Error(`--from, --to: expected two different stores, got ${from} twice`)
  return { from, to }
}

function oneOf(option: string, value: string | undefined): StoreKind {
  const kind = STORES.find((one) => one === value)
  if (kind) return kind
  throw new Error(`${option}: expected one of ${STORES.join(', ')}, got ${JSON.stringify(value ?? null)}`)
}

function assertSourceExists(config: Config, from: StoreKind, to: StoreKind): void {
  if (!config.qdrant) {
    throw new Error(`${to === 'qdrant' ? '--to' : '--from'}: expected QDRANT_URL to be set, got nothing`)
  }
  // Opening the file would create it.
  if (from === 'sqlite' && !existsSync(fileOf(config)))
    throw new Error(`DATA_DIR: ${fileOf(config)} does not exist`)
}

/** @throws {Error} where an earlier version has left accepted turns outside of the records */
function assertIntakeLogEmpty({ dataDir }: Config, from: StoreKind): void {
  const count = from === 'sqlite' ? readIntakeLog(join(dataDir, 'intake.db')).length : 0
  if (count === 0) return
  throw new Error(
    `DATA_DIR: expected no accepted turns in intake.db, got ${count}: an earlier version was killed before it stored them. Start the sidecar once without QDRANT_URL, stop it (Ctrl-C), then migrate`,
  )
}

/** Qdrant has one collection of memories per embedder; a record tells which one is in use. */
async function embedderOf(config: Config, kind: StoreKind): Promise<EmbedderName> {
  if (kind === 'sqlite') return ANY_EMBEDDER
  const { readOnlyQdrant } = await import('../adapters/qdrant/records.ts')
  const embedder = await getEmbedderNote(readOnlyQdrant(config.qdrant as NonNullable<Config['qdrant']>))
  if (!embedder) throw new Error(`QDRANT_URL, QDRANT_COLLECTION_PREFIX: ${nameOf(config, kind)} is empty`)
  return embedder
}

async function open(config: Config, kind: StoreKind, embedder: EmbedderName): Promise<RecordStore> {
  const store = await openRecords(kind === 'sqlite' ? { ...config, qdrant: undefined } : config, embedder)
  stack.defer(() => store.close())
  return store
}

function fileOf({ dataDir }: Config): string {
  return join(dataDir, 'hippocache.db')
}

function nameOf(config: Config, kind: StoreKind): string {
  if (kind === 'sqlite') return fileOf(config)
  const { url, prefix } = config.qdrant as NonNullable<Config['qdrant']>
  return `${url} (${prefix}*)`
}
