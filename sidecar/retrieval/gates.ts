import type { Filter, Predicate } from '../memory/model/filters.ts'
import type { Memory } from '../memory/model/memory.ts'
import type { Narrowing } from '../memory/model/scope.ts'
import { isInWindow } from '../memory/model/window-rule.ts'
import type { Condition } from '../ports/records.ts'

/** A condition that a memory must pass to be recalled. `why_not` reports the name of the first gate that fails. */
export interface Gate {
  name: string
  passes: Predicate
  /** The same as a condition for the store, where there is one. */
  where?: Condition | undefined
  /** Few memories fail it, so that a store need not check it. */
  isRarelyFailed?: boolean
}

export interface Conditions extends Narrowing {
  filter?: Filter | undefined
  /** Epoch milliseconds; memories that have expired by then are not recalled. */
  now: number
}

/** The gates of a read, in the order in which they are checked. */
export function createGates(conditions: Conditions): Gate[] {
  const { agentId, runId, appId, conversationId, filter, now } = conditions
  const equals = (field: 'agent_id' | 'run_id' | 'app_id', value: string): Gate => ({
    name: field,
    passes: (memory) => memory[field] === value,
    where: { path: [field], equals: [value] },
  })
  const gates: Gate[] = [
    {
      name: 'expired',
      passes: ({ expires_at }) => expires_at === null || expires_at > now,
      where: { not: { path: ['expires_at'], range: { lte: now } } },
      isRarelyFailed: true,
    },
  ]
  if (agentId !== undefined) gates.push(equals('agent_id', agentId))
  if (runId !== undefined) gates.push(equals('run_id', runId))
  if (appId !== undefined) gates.push(equals('app_id', appId))
  if (conversationId !== undefined) {
    gates.push({
      name: 'conversation_id',
      passes: ({ sources }) => sources.some(({ conversation_id }) => conversation_id === conversationId),
      where: { path: ['sources', 'conversation_id'], equals: [conversationId] },
    })
  }
  if (filter) gates.push({ name: 'filters', passes: filter.accepts, where: filter.where })
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

/** What the store can check of the gates; `undefined` for nothing. */
export function conditionOf(gates: readonly Gate[]): Condition | undefined {
  const all = gates.flatMap(({ where }) => where ?? [])
  return all.length > 0 ? { all } : undefined
}
