import type { Memory } from '../../sidecar/memory/model/memory.ts'

/** A complete stored memory with the given fields. */
export function storedMemory(fields: Partial<Memory> & Pick<Memory, 'id'>): Memory {
  return {
    text: 'Ada likes tea.',
    role: 'user',
    speaker: 'user',
    agent_id: null,
    run_id: null,
    app_id: null,
    metadata: {},
    kind: 'verbatim',
    topic: null,
    sub_topic: null,
    importance: null,
    event_date: null,
    version: 1,
    valid_from: 0,
    expires_at: null,
    context: null,
    sources: [{ turn_id: 't', conversation_id: null, turn: null, ordinal: 0, at: 0 }],
    order: 0,
    created_at: 0,
    updated_at: 0,
    ...fields,
  }
}
