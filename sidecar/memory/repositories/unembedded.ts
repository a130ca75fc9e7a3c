import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { ModelUnavailable } from '../../ports/language-model.ts'
import { type RecordStore, scopesOf, type Write } from '../../ports/records.ts'
import { scopeKey } from '../model/scope.ts'
import { recordsOf } from './record.ts'

/** Marks a scope with records whose vector is zero because the embedder refused their text or was unavailable. */
const note = z.object({
  /** Of the latest such commit. */
  token: z.string(),
  /** Failed attempts to embed them later. */
  attempts: z.number(),
  /** Earliest time of the next attempt, epoch milliseconds. */
  not_before: z.number(),
})
export type UnembeddedNote = z.output<typeof note>

const notes = recordsOf('meta', note)

const ID = 'unembedded'
const FIRST_DELAY_MS = 60_000
const MAX_DELAY_MS = 6 * 3_600_000

export async function getUnembeddedNote(
  store: Pick<RecordStore, 'get'>,
  scope: string,
): Promise<UnembeddedNote | undefined> {
  return await notes.get(store, scope, ID)
}

/**
 * @param embeddingAttempts to embed the texts after they were stored, including the latest
 * @param embeddingError of the latest attempt; an embedder that was not reached has not failed with the texts
 */
export function putUnembeddedNote(
  {
    scope,
    embeddingAttempts = 0,
    embeddingError,
  }: {
    scope: string
    embeddingAttempts?: number
    embeddingError?: Pick<ModelUnavailable, 'reason'> | undefined
  },
  now: number,
): Write {
  const attempts =
    embeddingError?.reason === 'unreachable'
      ? Math.max(0, embeddingAttempts - 1)
      : Math.max(embeddingAttempts, embeddingError ? 1 : 0)
  const not_before = now + Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** attempts)
  return notes.put(scope, ID, 0, { token: randomUUID(), attempts, not_before } satisfies UnembeddedNote)
}

export function removeUnembeddedNote(scope: string): Write {
  return notes.remove(scope, ID)
}

/** Users that may have such records, of one namespace or of all. Other scopes of `meta` have no slash. */
export async function* unembeddedScopes(store: RecordStore, namespace?: string): AsyncGenerator<string> {
  const prefix = namespace === undefined ? '' : scopeKey({ namespace, userId: '' })
  for await (const scope of scopesOf(store, 'meta', prefix)) {
    if (!scope.startsWith(prefix)) return
    if (scope.includes('/')) yield scope
  }
}

export function isZero(vector: Float32Array): boolean {
  return vector.every((value) => value === 0)
}
