import type { Predicate } from '../memory/model/filters.ts'
import type { Memory } from '../memory/model/memory.ts'
import type { Narrowing } from '../memory/model/scope.ts'
import { isInWindow } from '../memory/model/window-rule.ts'

/** A condition that a memory must pass to be recalled. `why_not` reports the name of the first gate that fails. */
export interface Gate {
  name: string
  passes: Predicate
}

export interface Conditions extends Narrowing {
  filter?: Predicate | undefined
  /** Epoch milliseconds; memories that have expired by then are not recalled. */
  now: number
}

/** The gates of a read, in the order in which they are checked. */
export function createGates(conditions: Conditions): Gate[] {
  const { agentId, runId, appId, conversationId, filter, now } = conditions
  const gates: Gate[] = [
    { name: 'expired', passes: ({ expires_at }) => expires_at === null || expires_at > now },
  ]
  if (agentId !== undefined) gates.push({ name: 'agent_id', passes: ({ agent_id }) => agent_id === agentId })
  if (runId !== undefined) gates.push({ name: 'run_id', passes: ({ run_id }) => run_id === runId })
  if (appId !== undefined) gates.push({ name: 'app_id', passes: ({ app_id }) => app_id === appId })
  if (conversationId !== undefined) {
    gates.push({
      name: 'conversation_id',
      passes: ({ sources }) => sources.some(({ conversation_id }) => conversation_id === conversationId),
    })
  }
  if (filter) gates.push({ name: 'filters', passes: filter })
  return gates
}

/** Rejects memories whose sources are all shown by the window of this conversation. */
export function windowGate(conversationId: string, turn: number, windowSize: number): Gate {
  return {
    name: 'window',
    passes: ({ sources }) =>
      !sources.every(
        (source) =>
          source.conversation_id === conversationId &&
          source.turn !== null &&
          isInWindow(source.turn, turn, windowSize),
      ),
  }
}

export function passesAll(gates: readonly Gate[], memory: Memory): boolean {
  return gates.every((gate) => gate.passes(memory))
}
