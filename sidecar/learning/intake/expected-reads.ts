import type { Read } from '../../memory/engine/read-ahead.ts'
import type { Narrowing } from '../../memory/model/scope.ts'
import {
  callRecordId,
  conversationRecordId,
  type Message,
  type Remember,
  turnRecordId,
} from '../../memory/model/turns.ts'
import { readsOfMemory } from '../../memory/repositories/versions.ts'
import { candidatesOf } from './candidates.ts'
import { type Call, guessLastTurn } from './place.ts'

interface Request extends Call, Pick<Narrowing, 'agentId' | 'runId'> {
  messages: readonly Message[]
  remember?: Remember | undefined
}

/** The records that adding a turn probably reads. */
export async function expectedReads(
  scope: string,
  request: Request,
  { now, learn }: { now: number; learn: boolean },
): Promise<Read[]> {
  const { conversationId, idempotencyKey, turnId, messages, agentId, runId, remember = 'both' } = request
  const reads: Read[] = []
  if (conversationId !== undefined) {
    reads.push({ collection: 'conversations', id: conversationRecordId(conversationId) })
    if (idempotencyKey !== undefined) {
      reads.push({ collection: 'calls', id: callRecordId(conversationId, idempotencyKey) })
    }
    const turn = request.turn ?? guessLastTurn(scope, conversationId) + 1
    for (const one of [turn, turn - 1]) {
      if (one >= 0) reads.push({ collection: 'turns', id: turnRecordId(conversationId, one) })
    }
  } else if (idempotencyKey !== undefined) {
    reads.push({ collection: 'turns', id: callRecordId(null, idempotencyKey) })
  }
  if (turnId !== undefined) reads.push({ collection: 'turns', id: turnId })
  if (learn) return reads
  const turn = {
    id: '',
    conversation_id: null,
    turn: null,
    agent_id: agentId ?? null,
    run_id: runId ?? null,
    remember,
    messages: [...messages],
  }
  // A short answer is kept after a question, which the message before may be.
  const candidates = await candidatesOf({ turn, scope, before: { content: '?', at: now }, now })
  return [...reads, ...candidates.flatMap(({ id, legacyId }) => [id, legacyId].flatMap(readsOfMemory))]
}
