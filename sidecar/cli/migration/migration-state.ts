import { z } from 'zod'
import { recordsOf } from '../../memory/repositories/record.ts'
import { COLLECTIONS, type Collection, type RecordStore } from '../../ports/records.ts'

/** Progress of a migration, stored in its target. */
export interface MigrationState {
  /** Display name of the source. */
  from: string
  /** The last scope that is copied completely. */
  place: Checkpoint | null
  /** When the copy was verified, epoch milliseconds; `null` before. */
  done_at: number | null
}

export interface Checkpoint {
  collection: Collection
  scope: string
}

/** Scope and id of the state in `meta`. Differs from every user's scope, which contains a slash. */
export const MIGRATION_SCOPE = 'migration'

const states = recordsOf(
  'meta',
  z.looseObject({
    from: z.string(),
    place: z.looseObject({ collection: z.enum(COLLECTIONS), scope: z.string() }).nullable(),
    done_at: z.number().nullable(),
  }),
)

export async function readMigrationState(store: RecordStore): Promise<MigrationState | undefined> {
  return await states.get(store, MIGRATION_SCOPE, MIGRATION_SCOPE)
}

export async function writeMigrationState(
  store: RecordStore,
  { from, place, done_at }: MigrationState,
): Promise<void> {
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
