import { z } from 'zod'
import { putMeta } from '../memory/repositories/meta.ts'
import { getRecord, recordReader } from '../memory/repositories/record.ts'
import type { Collection, RecordStore } from '../ports/records.ts'

const KINDS: Record<Collection, true> = {
  turns: true,
  timeline: true,
  memories: true,
  versions: true,
  history: true,
  conversations: true,
  calls: true,
  pending: true,
  graph: true,
  rules: true,
  ledger: true,
  meta: true,
}

/** Every kind of record; what the store itself is comes last. */
export const COLLECTIONS = Object.keys(KINDS) as readonly Collection[]

/** What a store that is being filled from another one says of that. */
export interface MigrationNote {
  /** The other store, for people. */
  from: string
  /** Up to which scope of which collection all is there. */
  place: Place | null
  /** When it was found to be whole, epoch milliseconds; `null` before. */
  done_at: number | null
}

export interface Place {
  collection: Collection
  scope: string
}

/** Scope and id of the note, in `meta`. No user's scope is without a slash. */
export const MIGRATION = 'migration'

const readNote = recordReader<MigrationNote>(
  'meta',
  z.looseObject({
    from: z.string(),
    place: z.looseObject({ collection: z.enum(COLLECTIONS), scope: z.string() }).nullable(),
    done_at: z.number().nullable(),
  }),
)

export async function readMigration(store: RecordStore): Promise<MigrationNote | undefined> {
  return await getRecord(store, 'meta', MIGRATION, MIGRATION, readNote)
}

export async function writeMigration(
  store: RecordStore,
  { from, place, done_at }: MigrationNote,
): Promise<void> {
  await store.commit([putMeta(MIGRATION, MIGRATION, { from, place, done_at })])
}

/** @throws {Error} in words for the operator where the store lacks a part of what it is to be filled with */
export async function assertWhole(store: RecordStore): Promise<void> {
  const note = await readMigration(store)
  if (!note || note.done_at !== null) return
  throw new Error(
    `QDRANT_URL, DATA_DIR: bringing everything over from ${note.from} was begun and is not done. Run \`npm run migrate\` again to go on with it`,
  )
}
