import { z } from 'zod'
import { type RecordStore, scrollAll, type Write } from '../../ports/records.ts'
import type { PendingTurn } from '../model/pending.ts'
import { optionalNumber, optionalText } from './fields.ts'
import { getRecord, type OnInvalidRecord, readEach, recordReader, toPayload, tryRead } from './record.ts'

const readPending = recordReader<PendingTurn>(
  'pending',
  z.looseObject({
    scope: z.string(),
    turn_id: z.string(),
    conversation_id: optionalText,
    turn: optionalNumber,
    alike: z.string().optional(),
    app_id: optionalText,
    triggers: z
      .looseObject({
        flushTokens: z.number(),
        flushTurns: z.number(),
        idleMs: z.number(),
        windowAhead: z.number(),
      })
      .partial()
      .optional(),
    revision: z.number(),
    tokens: z.number(),
    at: z.number(),
    attempts: z.number(),
    unreadable: z.number(),
    error: optionalText,
    not_before: z.number().nullable(),
  }),
)

export async function getPending(
  store: RecordStore,
  scope: string,
  turnId: string,
): Promise<PendingTurn | undefined> {
  return await getRecord(store, 'pending', scope, turnId, readPending)
}

/** The pending turns of a scope, oldest first. Invalid records are skipped where `onInvalid` is given. */
export function scrollPending(
  store: RecordStore,
  scope: string,
  onInvalid?: OnInvalidRecord,
): AsyncGenerator<PendingTurn> {
  return readEach(scrollAll(store, 'pending', scope), readPending, onInvalid)
}

export function putPending(turn: PendingTurn): Write {
  const put = { id: turn.turn_id, order: turn.at * 1000, payload: toPayload(turn) }
  return { put, collection: 'pending', scope: turn.scope }
}

export function removePending(scope: string, turnId: string): Write {
  return { remove: turnId, collection: 'pending', scope }
}

const SCOPES_PAGE = 1000

/** The scopes that have pending turns. */
export async function* pendingScopes(store: RecordStore): AsyncGenerator<string> {
  let after: string | undefined
  for (;;) {
    const page = await store.scopes('pending', { after, limit: SCOPES_PAGE })
    yield* page
    after = page.at(-1)
    if (page.length < SCOPES_PAGE) return
  }
}

/** The one scope that held the pending turns of all users in early versions. Scopes of users contain a slash. */
export const LEGACY_PENDING_SCOPE = 'pending'

/** Moves the pending turns of an early version to the scopes of their users. Can be interrupted and repeated. */
export async function migrateLegacyPending(store: RecordStore, onInvalid?: OnInvalidRecord): Promise<void> {
  for await (const record of scrollAll(store, 'pending', LEGACY_PENDING_SCOPE)) {
    const turn = tryRead(record, readPending, onInvalid)
    // The id of the legacy record is not the id of the turn.
    if (turn) await store.commit([putPending(turn), removePending(LEGACY_PENDING_SCOPE, record.id)])
  }
}
