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
import { runCommand } from '../cli/transfer/command.ts'
import { type EmbedderName, getEmbedderNote } from '../memory/repositories/meta.ts'
import { storeCommand } from './command.ts'
import { readConfig } from './config.ts'
import { type Topology, topologyOf } from './topology.ts'

type Records = Topology['records']

const STORES = ['sqlite', 'qdrant'] as const
type StoreKind = (typeof STORES)[number]

/** See the head of this file. */
export const migrateCommand = storeCommand(async (open, { args, env, stderr }) => {
  const { from, to } = readArguments(args)
  const config = readConfig(env)
  if (!config.qdrant) {
    throw new Error(`${to === 'qdrant' ? '--to' : '--from'}: expected QDRANT_URL to be set, got nothing`)
  }
  const stores: Record<StoreKind, Records> = {
    sqlite: topologyOf({ ...config, qdrant: undefined }).records,
    qdrant: topologyOf(config).records,
  }
  if (from === 'sqlite') assertFilesComplete(nameOf(stores.sqlite), config.dataDir)
  const source = await open(stores[from], await embedderOf(stores[from]))
  const sourceName = nameOf(stores[from])
  const targetName = nameOf(stores[to])
  const embedder = await getEmbedderNote(source)
  if (!embedder) return `Nothing to do: ${sourceName} is empty.`
  if (embedder.underway) {
    throw new Error(`${sourceName}: a re-embedding is incomplete; complete it with \`npm run reembed\` first`)
  }
  const { wasComplete, counts } = await migrate({
    source,
    target: await open(stores[to], embedder),
    from: sourceName,
    onProgress: (step, records) => stderr.write(`\r${records} records ${step}`.padEnd(40)),
  })
  if (wasComplete) return `Nothing to do: the migration to ${targetName} is complete.`
  const rows = Object.entries(counts).map(
    ([collection, { scopes, records }]) => `  ${collection.padEnd(14)}${records} in ${scopes}`,
  )
  return (
    `\nDone: ${targetName} is an identical copy of ${sourceName}. Records and scopes by collection:\n` +
    `${rows.join('\n')}\nStart the sidecar with ${to === 'qdrant' ? 'QDRANT_URL' : 'QDRANT_URL empty'} from now on.`
  )
})

function readArguments(args: string[]): { from: StoreKind; to: StoreKind } {
  const { values } = parseArgs({ args, options: { from: { type: 'string' }, to: { type: 'string' } } })
  const to = oneOf('--to', values.to)
  const from = oneOf('--from', values.from ?? (to === 'qdrant' ? 'sqlite' : 'qdrant'))
  if (from === to) throw new Error(`--from, --to: expected two different stores, got ${from} twice`)
  return { from, to }
}

function oneOf(option: string, value: string | undefined): StoreKind {
  const kind = STORES.find((one) => one === value)
  if (kind) return kind
  throw new Error(`${option}: expected one of ${STORES.join(', ')}, got ${JSON.stringify(value ?? null)}`)
}

/** @throws {Error} if there is no file, or an earlier version has left accepted turns outside of it */
function assertFilesComplete(path: string, dataDir: string): void {
  // Opening the file would create it.
  if (!existsSync(path)) throw new Error(`DATA_DIR: ${path} does not exist`)
  const count = readIntakeLog(join(dataDir, 'intake.db')).length
  if (count === 0) return
  throw new Error(
    `DATA_DIR: expected no accepted turns in intake.db, got ${count}: an earlier version was killed before it stored them. Start the sidecar once without QDRANT_URL, stop it (Ctrl-C), then migrate`,
  )
}

/** Qdrant has one collection of memories per embedder; a record names the one in use. */
async function embedderOf(store: Records): Promise<EmbedderName> {
  // The SQLite store ignores the embedder.
  if (store.kind === 'sqlite') return { name: 'unknown', dimensions: 1 }
  const { readOnlyQdrant } = await import('../adapters/qdrant/records.ts')
  const embedder = await getEmbedderNote(readOnlyQdrant(store))
  if (!embedder) throw new Error(`QDRANT_URL, QDRANT_COLLECTION_PREFIX: ${nameOf(store)} is empty`)
  return embedder
}

function nameOf(store: Records): string {
  return store.kind === 'sqlite' ? store.path : `${store.url} (${store.prefix}*)`
}

if (import.meta.main) await runCommand(migrateCommand)
