/*
 * npm run reembed [-- --rollback | --drop-old]
 *
 * Embeds every memory with the configured embedder. Every sidecar must be stopped. Run it again to continue an
 * interrupted run.
 *
 * In Qdrant the new vectors go to a collection of their own, and the old ones are kept: --rollback returns to them
 * (memories written since are embedded again), and --drop-old deletes them.
 */
import { parseArgs } from 'node:util'
import { runCommand, type TextOutput } from '../cli/transfer/command.ts'
import { type EmbedderName, getEmbedderNote } from '../memory/repositories/meta.ts'
import { reembed } from '../memory/store/embedder-guard.ts'
import { embedderBefore, moveEmbeddings } from '../memory/store/re-embedding.ts'
import type { Embedder } from '../ports/embedder.ts'
import type { RecordStore } from '../ports/records.ts'
import { openEmbedder } from './backends.ts'
import { storeCommand } from './command.ts'
import { readConfig } from './config.ts'
import { topologyOf } from './topology.ts'

type Open = (embedder: EmbedderName) => Promise<RecordStore>

/** See the head of this file. */
export const reembedCommand = storeCommand(async (openStore, { args, env, stderr }) => {
  const config = readConfig(env)
  const flag = { type: 'boolean', default: false } as const
  const { rollback, 'drop-old': isDrop } = parseArgs({
    args,
    options: { rollback: flag, 'drop-old': flag },
  }).values
  if (rollback && isDrop) throw new Error('--rollback, --drop-old: expected only one of them, got both')
  const { records } = topologyOf(config)
  const open: Open = (name) => openStore(records, name)
  const embedder = await openEmbedder(config)
  const store = await open(embedder)
  if (rollback) return await rollBack(store, embedder, open, stderr)
  const note = await getEmbedderNote(store)
  const isSame = note?.name === embedder.name && note.dimensions === embedder.dimensions
  if (isDrop) return await dropOld(store, embedder, isSame)
  if (!note) return 'Nothing to do: the store is empty.'
  if (isSame && note.underway === undefined) {
    return `Nothing to embed: the memories are embedded with ${embedder.name}.`
  }
  if (!store.generations) {
    const done = await reembed(store, embedder, (scopes, memories) =>
      progress(stderr, memories, scopes, embedder),
    )
    return `\nDone: ${done} memories embedded.${laterBy(embedder)}`
  }
  return await move(await open(note), store, note, embedder, stderr)
})

async function move(
  source: RecordStore,
  target: RecordStore,
  from: EmbedderName,
  embedder: Embedder,
  out: TextOutput,
) {
  const done = await moveEmbeddings({
    source,
    target,
    from,
    embedder,
    onProgress: (scopes, records, embedded) => progress(out, records, scopes, embedder, embedded),
  })
  return (
    `\nDone: ${done} memories embedded with ${embedder.name}, which is in use now. The vectors of ${from.name} are kept: ` +
    '`npm run reembed -- --rollback` returns to them, `npm run reembed -- --drop-old` deletes them.' +
    laterBy(embedder)
  )
}

/** What a command cannot embed, because nodes do it. */
function laterBy({ isReachable }: Embedder): string {
  return isReachable
    ? ' They have no vectors yet: nodes with this embedding model add them while they run, and until then memories are found by their words.'
    : ''
}

async function rollBack(
  current: RecordStore,
  embedder: Embedder,
  open: Open,
  out: TextOutput,
): Promise<string> {
  if (!current.generations) {
    throw new Error(
      '--rollback: the SQLite file keeps only one embedding per memory. Set EMBEDDING_MODEL to the old model and run `npm run reembed`',
    )
  }
  const note = await getEmbedderNote(current)
  const previous = note?.previous
  if (!note || !previous) throw new Error('--rollback: there is no previous embedding')
  const isConfigured = previous.name === embedder.name && previous.dimensions === embedder.dimensions
  const source = await open(note)
  if (isConfigured) return await move(source, current, note, embedder, out)
  const result = await move(source, await open(previous), note, embedderBefore(previous), out)
  return `${result}\nSet EMBEDDING_MODEL to ${previous.name} before you start the sidecar.`
}

async function dropOld(store: RecordStore, embedder: Embedder, isSame: boolean): Promise<string> {
  if (!store.generations) return 'Nothing to do: the SQLite file keeps only one embedding per memory.'
  if (!isSame)
    throw new Error(
      `--drop-old: the memories are not embedded with the configured ${embedder.name}; run \`npm run reembed\` first`,
    )
  const dropped = await store.generations.dropOthers()
  return `Done: deleted the vectors of ${dropped} other ${dropped === 1 ? 'embedder' : 'embedders'}.`
}

function progress(
  out: TextOutput,
  records: number,
  scopes: number,
  { name }: Embedder,
  embedded = records,
): void {
  out.write(`\r${records} memories of ${scopes} users, ${embedded} embedded with ${name}`)
}

if (import.meta.main) await runCommand(reembedCommand)
