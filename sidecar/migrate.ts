/*
 * npm run migrate -- --to qdrant|sqlite [--from sqlite|qdrant]
 *
 * Copies everything from the SQLite file in DATA_DIR to the Qdrant of QDRANT_URL, or back. Every sidecar must be
 * stopped. Can be interrupted: run it again, and it goes on where it was. At the end both are compared. The source stays
 * as it is. Ends with 0 when all is there, else with 1.
 */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Config, readConfig } from './config.ts'
import { type EmbedderName, getEmbedderNote } from './memory/repositories/meta.ts'
import { migrate } from './migration/migrate.ts'
import type { RecordStore } from './ports/records.ts'
import { openIntakeLog, openRecords } from './services.ts'

const KINDS = ['sqlite', 'qdrant'] as const
type Kind = (typeof KINDS)[number]

/** The SQLite file asks for none. */
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
  const config = readConfig(process.env)
  assertThere(config, from, to)
  await assertNothingLogged(config, from)
  const source = await opened(config, from, await embedderOf(config, from))
  const note = await getEmbedderNote(source)
  if (!note) return `Nothing to do: there is nothing in ${nameOf(config, from)}.`
  if (note.underway) {
    throw new Error(
      `${nameOf(config, from)}: embedding anew was begun and is not done; run \`npm run reembed\` first`,
    )
  }
  const target = await opened(config, to, note)
  const { already, counts } = await migrate({
    source,
    target,
    from: nameOf(config, from),
    onProgress: (step, records) => process.stderr.write(`\r${records} records ${step}`.padEnd(40)),
  })
  if (already) return `Nothing to do: everything had been brought over to ${nameOf(config, to)}.`
  const rows = Object.entries(counts).map(
    ([collection, { scopes, records }]) => `  ${collection.padEnd(14)}${records} in ${scopes}`,
  )
  return (
    `\nDone: ${nameOf(config, to)} holds what ${nameOf(config, from)} does, compared record by record; records by kind, and scopes that they are in:\n` +
    `${rows.join('\n')}\nStart the sidecar with ${to === 'qdrant' ? 'QDRANT_URL' : 'QDRANT_URL empty'} from now on.`
  )
}

function readArguments(): { from: Kind; to: Kind } {
  const { values } = parseArgs({ options: { from: { type: 'string' }, to: { type: 'string' } } })
  const to = oneOf('--to', values.to)
  const from =
    values.from === undefined ? (to === 'qdrant' ? 'sqlite' : 'qdrant') : oneOf('--from', values.from)
  if (from === to) throw new Error(`--from, --to: expected two different ones, got ${from} twice`)
  return { from, to }
}

function oneOf(option: string, value: string | undefined): Kind {
  const kind = KINDS.find((one) => one === value)
  if (kind) return kind
  throw new Error(`${option}: expected one of ${KINDS.join(', ')}, got ${JSON.stringify(value ?? null)}`)
}

function assertThere(config: Config, from: Kind, to: Kind): void {
  if (!config.qdrant) {
    throw new Error(`${to === 'qdrant' ? '--to' : '--from'}: set QDRANT_URL to the address of the Qdrant`)
  }
  // Opened, it would be made.
  if (from === 'sqlite' && !existsSync(fileOf(config)))
    throw new Error(`DATA_DIR: there is no ${fileOf(config)}`)
}

/** What a process that was killed has accepted, and not brought to its place among the records. */
async function assertNothingLogged(config: Config, from: Kind): Promise<void> {
  const log =
    from === 'sqlite' ? openIntakeLog({ ...config, qdrant: undefined, languageModel: undefined }) : undefined
  const count = log?.entries().length ?? 0
  await log?.close()
  if (count === 0) return
  const turns = count === 1 ? 'a turn' : `${count} turns`
  throw new Error(
    `DATA_DIR: the last sidecar was killed when it had just accepted ${turns}; start it once more without QDRANT_URL, stop it (Ctrl-C), and migrate then`,
  )
}

/** Qdrant has its memories by embedder; which one is in use stands among the rest. */
async function embedderOf(config: Config, kind: Kind): Promise<EmbedderName> {
  if (kind === 'sqlite') return ANY_EMBEDDER
  const { peekQdrant } = await import('./adapters/records/qdrant-peek.ts')
  const note = await getEmbedderNote(peekQdrant(config.qdrant as NonNullable<Config['qdrant']>))
  if (!note)
    throw new Error(`QDRANT_URL, QDRANT_COLLECTION_PREFIX: there is nothing in ${nameOf(config, kind)}`)
  return note
}

async function opened(config: Config, kind: Kind, embedder: EmbedderName): Promise<RecordStore> {
  const store = await openRecords(kind === 'sqlite' ? { ...config, qdrant: undefined } : config, embedder)
  stack.defer(() => store.close())
  return store
}

function fileOf({ dataDir }: Config): string {
  return join(dataDir, 'hippocache.db')
}

function nameOf(config: Config, kind: Kind): string {
  if (kind === 'sqlite') return fileOf(config)
  const { url, prefix } = config.qdrant as NonNullable<Config['qdrant']>
  return `${url} (${prefix}*)`
}
