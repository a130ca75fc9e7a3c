import { z } from 'zod'
import { recordsOf } from '../../memory/repositories/record.ts'
import { COLLECTIONS, type RecordStore } from '../../ports/records.ts'

/** A scope that is copied completely, as are all scopes before it. */
export type Checkpoint = NonNullable<MigrationState['place']>

/** Progress of a migration, stored in its target. */
type MigrationState = z.infer<typeof Schema>

/** Scope and id of the state in `meta`. Differs from every user's scope, which contains a slash. */
export const MIGRATION_SCOPE = 'migration'

const Schema = z.looseObject({
  /** Display name of the source. */
  from: z.string(),
  place: z.looseObject({ collection: z.enum(COLLECTIONS), scope: z.string() }).nullable(),
  /** When the copy was verified, epoch milliseconds; `null` before. */
  done_at: z.number().nullable(),
})

const states = recordsOf('meta', Schema)

export async function readMigrationState(store: RecordStore): Promise<MigrationState | undefined> {
  return await states.get(store, MIGRATION_SCOPE, MIGRATION_SCOPE)
}

export async function writeMigrationState(store: RecordStore, { from, place, done_at }: MigrationState) {
  await store.commit([states.put(MIGRATION_SCOPE, MIGRATION_SCOPE, 0, { from, place, done_at })])
}

/** @throws {Error} for the operator if a migration into this store was started and did not complete */
export async function assertMigrationComplete(store: RecordStore): Promise<void> {
  const state = await readMigrationState(store)
  if (!state || state.done_at !== null) return
  throw new Error(
    `QDRANT_URL, DATA_DIR: the migration from ${state.from} is incomplete. Run \`npm run migrate\` again to continue it`,
  )
}
