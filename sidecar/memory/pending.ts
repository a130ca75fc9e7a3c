import { type JsonObject, type RecordStore, scrollAll, type Write } from '../ports/records.ts'

/** When turns that wait are learned from by themselves. */
export interface Triggers {
  /** Tokens of an app's turns that start a flush. */
  flushTokens: number
  /** Turns of an app that start a flush; 0 for any number. */
  flushTurns: number
  /** Milliseconds without a new turn that start a flush. */
  idleMs: number
  /**
   * Turns before one leaves the chat window at which the turns of its conversation are learned from; 0 for never. With
   * 1 it is when the next turn will not show it any more, with 2 a turn earlier.
   */
  windowAhead: number
}

/** A turn that waits to be learned from: the payload of a record of the collection `pending`, by the id of the turn. */
export interface PendingTurn {
  scope: string
  turn_id: string
  conversation_id: string | null
  turn: number | null
  /** The same for turns that one batch may hold: those of one agent, run and app, and of the same speakers' words. */
  alike?: string | undefined
  app_id?: string | null | undefined
  /** What the rules of its app say of when it is learned from, where they say anything. */
  triggers?: Partial<Triggers> | undefined
  /** Of the turn when it was put here. */
  revision: number
  /** o200k tokens of its messages, roughly. */
  tokens: number
  /** Epoch milliseconds at which it was accepted. */
  at: number
  attempts: number
  /** Of the attempts, those in which the model answered and could not be understood. */
  unreadable: number
  /** What started the last attempt. */
  because?: string | undefined
  /** Why the last attempt came to nothing; a word, never a text of the conversation. */
  error: string | null
  /** Epoch milliseconds before which it is not tried again; `null`: it has failed for good, until it is replayed. */
  not_before: number | null
}

export function putPending(turn: PendingTurn): Write {
  const put = { id: turn.turn_id, order: turn.at * 1000, payload: turn as unknown as JsonObject }
  return { put, collection: 'pending', scope: turn.scope }
}

export function removePending(scope: string, turnId: string): Write {
  return { remove: turnId, collection: 'pending', scope }
}

export async function readPending(
  store: RecordStore,
  scope: string,
  turnId: string,
): Promise<PendingTurn | undefined> {
  const record = await store.get('pending', scope, turnId)
  return record && (record.payload as unknown as PendingTurn)
}

/** All that waits of a scope, oldest first. */
export async function* scrollPending(store: RecordStore, scope: string): AsyncGenerator<PendingTurn> {
  for await (const { payload } of scrollAll(store, 'pending', scope)) yield payload as unknown as PendingTurn
}

/** Scopes that are asked for at once. */
const SCOPES_PAGE = 1000

/** The scopes in which turns wait. */
export async function* pendingScopes(store: RecordStore): AsyncGenerator<string> {
  let after: string | undefined
  for (;;) {
    const page = await store.scopes('pending', { after, limit: SCOPES_PAGE })
    yield* page
    after = page.at(-1)
    if (page.length < SCOPES_PAGE) return
  }
}

/** Where what waited of all scopes stood together once. No scope of a user is spelt like this: theirs have a slash. */
export const FORMER_SCOPE = 'pending'

/** Brings what an earlier release left to wait to the scopes that it belongs to. May be interrupted at any time. */
export async function bringHome(store: RecordStore): Promise<void> {
  for (;;) {
    const page = await store.scroll('pending', FORMER_SCOPE, { limit: 250 })
    if (page.length === 0) return
    await store.commit(
      page.flatMap(({ id, payload }): Write[] => [
        putPending(payload as unknown as PendingTurn),
        { remove: id, collection: 'pending', scope: FORMER_SCOPE },
      ]),
    )
  }
}
