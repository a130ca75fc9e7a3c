import { z } from 'zod'
import type { RecordStore, Write } from '../../ports/records.ts'
import type { Turn } from '../model/turns.ts'
import { jsonObject, optionalNumber, optionalText, role } from './fields.ts'
import { getRecord, recordReader, toPayload } from './record.ts'

export const readTurn = recordReader<Turn>(
  'turns',
  z.looseObject({
    id: z.string(),
    conversation_id: optionalText,
    turn: optionalNumber,
    agent_id: optionalText,
    run_id: optionalText,
    app_id: optionalText,
    metadata: jsonObject,
    messages: z.array(z.looseObject({ role, content: z.string(), at: optionalNumber })),
    remember: z.enum(['user', 'assistant', 'both']),
    state: z.enum(['pending', 'failed', 'done']),
    revision: z.number(),
    memory_ids: z.array(z.string()),
    removed_ids: z.array(z.string()),
    unsaid: z.array(z.number()).optional(),
    effects: z.array(
      z.looseObject({
        event: z.enum(['ADD', 'UPDATE', 'DELETE', 'NOOP']),
        memory_id: z.string(),
        version: z.number(),
      }),
    ),
    created_at: z.number(),
    updated_at: z.number(),
  }),
)

export async function getTurn(store: RecordStore, scope: string, id: string): Promise<Turn | undefined> {
  return await getRecord(store, 'turns', scope, id, readTurn)
}

export function putTurn(scope: string, turn: Turn): Write {
  const put = { id: turn.id, order: turn.created_at * 1000, payload: toPayload(turn) }
  return { put, collection: 'turns', scope }
}
