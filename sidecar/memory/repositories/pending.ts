import { z } from 'zod'
import { type RecordStore, scopesOf, scrollAll, type Write } from '../../ports/records.ts'
import { type PendingTurn, pendingFields } from '../model/pending.ts'
import { type OnInvalidRecord, recordsOf, tryRead } from './record.ts'

const pending = recordsOf(
  'pending',
  z.looseObject({ scope: z.string(), ...pendingFields(z.number()) }),
  (turn): PendingTurn => turn,
)

/** `scrollPending`: the pending turns of a scope, oldest first. */
export const { get: getPending, scroll: scrollPending, remove: removePending } = pending

export function putPending(turn: PendingTurn): Write {
  return pending.put(turn.scope, turn.turn_id, turn.at * 1000, turn)
}

/** The scopes that have pending turns. */
export function pendingScopes(store: RecordStore): AsyncGenerator<string> {
  return scopesOf(store, 'pending')
}

/** The one scope that held the pending turns of all users in early versions. Scopes of users contain a slash. */
export const LEGACY_PENDING_SCOPE = 'pending'

/** Moves the pending turns of an early version to the scopes of their users. Can be interrupted and repeated. */
export async function migrateLegacyPending(store: RecordStore, onInvalid?: OnInvalidRecord): Promise<void> {
  for await (const record of scrollAll(store, 'pending', LEGACY_PENDING_SCOPE)) {
    const turn = tryRead(record, pending.read, onInvalid)
    // The id of the legacy record is not the id of the turn.
    if (turn) await store.commit([putPending(turn), removePending(LEGACY_PENDING_SCOPE, record.id)])
  }
}
