/*
 * npm run reembed [-- --rollback | --drop-old]
 *
 * Embeds every memory anew with the embedder of the configuration. Every sidecar must be stopped. Can be interrupted:
 * run it again, and it goes on where it was.
 *
 * In Qdrant the new vectors are put beside the old, which serve until all are made. After that the old ones stay:
 * --rollback goes back to them, without a model where nothing was written since, and --drop-old erases them.
 */
import { parseArgs } from 'node:util'
import { readConfig } from './config.ts'
import { reembed } from './memory/embedder-guard.ts'
import { completeMemories, embedderBefore, moveEmbeddings } from './memory/re-embedding.ts'
import { type EmbedderName, getEmbedderNote } from './memory/repositories/meta.ts'
import type { Embedder } from './ports/embedder.ts'
import type { RecordStore } from './ports/records.ts'
import { openEmbedder, openRecords } from './services.ts'

const config = attempt(() => readConfig(process.env))
const options = attempt(
  () =>
    parseArgs({
      options: {
        rollback: { type: 'boolean', default: false },
        'drop-old': { type: 'boolean', default: false },
      },
    }).values,
)
const stack = new AsyncDisposableStack()

try {
  console.log(await run())
} catch (error) {
  fail(error)
} finally {
  await stack.disposeAsync()
}

async function run(): Promise<string> {
  if (options.rollback && options['drop-old']) throw new Error('--rollback, --drop-old: expected one of them')
  if (options.rollback) return await rollBack()
  const embedder = await openEmbedder(config)
  const store = await opened(embedder)
  const note = await getEmbedderNote(store)
  const isSame = note?.name === embedder.name && note.dimensions === embedder.dimensions
  if (options['drop-old']) return await dropOld(store, embedder, isSame)
  if (!note) return 'Nothing to do: there is nothing in the store yet.'
  if (isSame && note.underway === undefined) {
    const added = await completeMemories(store)
    const found = added > 0 ? ` ${added} of them can be found by their words now.` : ''
    return `Nothing to embed: the memories are of ${embedder.name}.${found}`
  }
  if (!store.generations) {
    const done = await reembed(store, embedder, (scopes, memories) => progress(memories, scopes, embedder))
    return `\nDone: ${done} memories embedded.`
  }
  return await move(store, note, embedder)
}

async function move(target: RecordStore, from: EmbedderName, embedder: Embedder): Promise<string> {
  const source = await opened(from)
  const done = await moveEmbeddings({
    source,
    target,
    from,
    embedder,
    onProgress: (scopes, records, embedded) => progress(records, scopes, embedder, embedded),
  })
  return (
    `\nDone: ${done} memories embedded with ${embedder.name}, which is in use now. Those of ${from.name} are kept: ` +
    '`npm run reembed -- --rollback` goes back to them, `npm run reembed -- --drop-old` erases them.'
  )
}

async function rollBack(): Promise<string> {
  const embedder = await openEmbedder(config)
  const current = await opened(embedder)
  if (!current.generations) {
    throw new Error(
      '--rollback: the SQLite file keeps one embedding of each memory. Set the old EMBEDDING_MODEL again, and run `npm run reembed`',
    )
  }
  const note = await getEmbedderNote(current)
  const previous = note?.previous
  if (!note || !previous) throw new Error('--rollback: there is no embedding before the one in use')
  const isConfigured = previous.name === embedder.name && previous.dimensions === embedder.dimensions
  const target = isConfigured ? current : await opened(previous)
  const said = await move(target, note, isConfigured ? embedder : embedderBefore(previous))
  return isConfigured
    ? said
    : `${said}\nSet EMBEDDING_MODEL to ${previous.name} before the sidecar is started.`
}

async function dropOld(store: RecordStore, embedder: Embedder, isSame: boolean): Promise<string> {
  if (!store.generations) return 'Nothing to do: the SQLite file keeps one embedding of each memory.'
  if (!isSame)
    throw new Error(`--drop-old: the memories are not of ${embedder.name}, which the configuration has`)
  const dropped = await store.generations.dropOthers()
  return `Done: the memories of ${dropped} other ${dropped === 1 ? 'embedder' : 'embedders'} erased.`
}

async function opened(embedder: EmbedderName): Promise<RecordStore> {
  const store = await openRecords(config, embedder)
  stack.defer(() => store.close())
  return store
}

function progress(records: number, scopes: number, { name }: Embedder, embedded = records): void {
  process.stderr.write(`\r${records} memories of ${scopes} users, ${embedded} embedded with ${name}`)
}

function attempt<T>(task: () => T): T {
  try {
    return task()
  } catch (error) {
    return fail(error)
  }
}

function fail(error: unknown): never {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
