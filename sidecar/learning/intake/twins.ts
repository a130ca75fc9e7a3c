import { derivedId } from '../../memory/model/scope.ts'
import type { Message, Turn } from '../../memory/model/turns.ts'
import { getTurn, putTurn } from '../../memory/repositories/turns.ts'
import type { RecordStore, Write } from '../../ports/records.ts'
import { identityKey } from '../../text/identity.ts'

/**
 * Dify counts the messages of a conversation by their creation time in whole seconds, so two messages within a second can
 * get the same turn number. Other words for the same number within this time are a turn of their own.
 */
const SAME_NUMBER_MS = 2000
/** Turns that share one number. With more, the last one is replaced. */
const MAX_TWINS = 8

/** The stored turn that a call refers to, among those that share its number. */
export interface Twin {
  id: string
  /** Absent for a new turn. */
  previous: Turn | undefined
  /** Whether the turn is new and shares the number of another one. */
  isNewTwin: boolean
  writes: Write[]
}

/**
 * Finds the turn with the same user's words; otherwise a turn soon after the first is new, and a later one edits the last.
 * @param first the stored turn of this number, whose `twins` are the others
 */
export async function findTwin(
  store: RecordStore,
  scope: string,
  first: Turn,
  messages: readonly Message[],
  now: number,
): Promise<Twin> {
  const ids = first.twins ?? []
  const twins = (await Promise.all(ids.map((id) => getTurn(store, scope, id)))).filter(
    (one) => one !== undefined,
  )
  const stored = [first, ...twins]
  const same = stored.find((turn) => !hasOtherWords(turn.messages, messages))
  const last = stored.at(-1) as Turn
  if (same || !isSoonAfter(first, messages, now) || ids.length >= MAX_TWINS) {
    const previous = same ?? last
    return { id: previous.id, previous, isNewTwin: false, writes: [] }
  }
  const id = derivedId('twin', first.id, String(ids.length))
  return {
    id,
    previous: undefined,
    isNewTwin: true,
    writes: [putTurn(scope, { ...first, twins: [...ids, id] })],
  }
}

/** By the times of the messages if they have some, as in a delayed delivery; the same time is a correction by an import. */
function isSoonAfter(first: Turn, messages: readonly Message[], now: number): boolean {
  const [before, after] = [first.messages, messages].map(
    (list) => list.find(({ role }) => role === 'user')?.at,
  )
  if (before === undefined || after === undefined) return now - first.created_at < SAME_NUMBER_MS
  const pause = Math.abs(after - before)
  return pause > 0 && pause < SAME_NUMBER_MS
}

/** Whether both have words of the user, and other ones. A turn may be posted in parts: the question, then the answer. */
export function hasOtherWords(one: readonly Message[], other: readonly Message[]): boolean {
  const words = wordsOf(one)
  const others = wordsOf(other)
  return words !== '' && others !== '' && words !== others
}

function wordsOf(messages: readonly Message[]): string {
  return messages
    .filter(({ role }) => role === 'user')
    .map(({ content }) => identityKey(content))
    .join('\n')
    .trim()
}
