import type { Memory } from '../../../../sidecar/memory/model/memory.ts'
import { type Scope, scopeKey } from '../../../../sidecar/memory/model/scope.ts'
import type { TestApp } from '../../test-app.ts'

export const DAY = 86_400_000
/** Initial time of the stopped clock. */
export const START = Date.parse('2026-03-01T09:00:00Z')
export const ADA: Scope = { namespace: 'default', userId: 'ada' }

export interface FactFields extends Partial<Memory> {
  text: string
  /** Epoch milliseconds. */
  at?: number
}

/** A memory as the extraction creates it. */
export function fact({ text, at = START, ...fields }: FactFields): Memory {
  return {
    id: text,
    text,
    role: 'user',
    speaker: 'Ada',
    agent_id: null,
    run_id: null,
    app_id: null,
    metadata: {},
    kind: 'extracted',
    topic: null,
    sub_topic: null,
    importance: 3,
    event_date: null,
    version: 1,
    valid_from: at,
    expires_at: null,
    context: null,
    sources: [{ turn_id: 't', conversation_id: 'c', turn: 1, ordinal: 0, at }],
    order: at * 1000,
    created_at: at,
    updated_at: at,
    ...fields,
  }
}

/** Stores memories as the extraction does. */
export async function learn({ engine }: Pick<TestApp, 'engine'>, facts: FactFields[], scope = ADA) {
  await engine.change(scopeKey(scope), async (unit) => {
    for (const fields of facts) await unit.add(fact(fields), { actor: 'extraction' })
  })
}
