import type { Services } from '../../sidecar/app/compose.ts'
import { addTurn } from '../../sidecar/learning/intake/add-turn.ts'
import type { Scope } from '../../sidecar/memory/model/scope.ts'
import type { DialogueMessage } from './dialogue.ts'

const NAMESPACE = 'bench'
const CONVERSATION = 'joined'

export function scopeOf({ id }: { id: string }): Scope {
  return { namespace: NAMESPACE, userId: id }
}

/** A clock that the stored turns advance. */
export interface TurnClock {
  now: number
}

/** Stores the turns of one conversation in verbatim mode, numbered from 1. */
export async function storeTurns(
  { engine }: Services,
  clock: TurnClock,
  scope: Scope,
  turns: readonly { messages: readonly DialogueMessage[] }[],
): Promise<void> {
  clock.now = 0
  for (const [i, { messages }] of turns.entries()) {
    // Turns of a session may have the same time; memories are ordered by it.
    clock.now = Math.max(clock.now + 1, messages[0]?.at ?? 0)
    await addTurn(engine, scope, { messages, conversationId: CONVERSATION, turn: i + 1 })
  }
}
