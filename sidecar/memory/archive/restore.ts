import type { Embedder } from '../../ports/embedder.ts'
import type { Collection, StoredRecord } from '../../ports/records.ts'
import { searchedText } from '../../text/verbatim/answers.ts'
import type { Read } from '../engine/read-ahead.ts'
import type { UnitOfWork } from '../engine/unit-of-work.ts'
import { historyRecordId, versionRecordId } from '../model/history.ts'
import type { Memory } from '../model/memory.ts'
import type { PendingTurn } from '../model/pending.ts'
import { type Conversation, conversationRecordId, type Turn } from '../model/turns.ts'
import { getPending, putPending } from '../repositories/pending.ts'
import { toPayload } from '../repositories/record.ts'
import { getTurn, putTurn } from '../repositories/turns.ts'
import { isEndMarker, readPastVersion, readsOfMemory } from '../repositories/versions.ts'
import type { Archived } from './format.ts'

export interface RestoreOutcome {
  restored: number
  unchanged: number
  /** Restored turns that are pending extraction. */
  waiting: PendingTurn[]
}

/** Restores exported records idempotently. Existing, deleted and extracted records stay unchanged. */
export async function restoreRecords(
  unit: UnitOfWork,
  lines: readonly Archived[],
  embedder: Embedder,
): Promise<RestoreOutcome> {
  const { scope, records } = unit
  await unit.prefetch(() => lines.flatMap(readsOf))
  const outcome: RestoreOutcome = { restored: 0, unchanged: 0, waiting: [] }
  const turns = new Map<string, Turn>()
  const puts = new Map<string, { record: StoredRecord; collection: Collection }>()

  const findTurn = async (id: string) => turns.get(id) ?? (await getTurn(records, scope, id))

  async function putAbsent(
    collection: Collection,
    id: string,
    order: number,
    value: object,
  ): Promise<boolean> {
    const key = `${collection}/${id}`
    if (puts.has(key) || (await records.get(collection, scope, id))) return false
    puts.set(key, { record: { id, order, payload: toPayload(value) }, collection })
    return true
  }

  async function putMemory(memory: Memory): Promise<boolean> {
    if ((await unit.find(memory.id)) || (await unit.findEnded(memory.id))) return false
    if (memory.kind === 'pending') {
      // Its turn may have been extracted since, or the message may have been deleted.
      const turn = await findTurn(memory.sources[0]?.turn_id ?? '')
      if (turn && (turn.state === 'done' || !turn.memory_ids.includes(memory.id))) return false
    }
    unit.put(memory)
    return true
  }

  async function putPendingTurn(turn: PendingTurn): Promise<boolean> {
    const stored = await findTurn(turn.turn_id)
    if (!stored || stored.state === 'done' || stored.revision !== turn.revision) return false
    if (await getPending(records, scope, turn.turn_id)) return false
    unit.addWrites(putPending(turn))
    outcome.waiting.push(turn)
    return true
  }

  /** Merges into an existing conversation: the greater turn number and the existing summary win. */
  async function putConversation(order: number, conversation: Conversation): Promise<boolean> {
    const id = conversationRecordId(conversation.id)
    if (await putAbsent('conversations', id, order, conversation)) return true
    const existing = await records.get('conversations', scope, id)
    if (!existing) return false
    const last_turn = Math.max(existing.payload['last_turn'] as number, conversation.last_turn)
    const summary = (existing.payload['summary'] as string) || conversation.summary
    if (last_turn === existing.payload['last_turn'] && summary === existing.payload['summary']) return false
    const record = { ...existing, payload: { ...existing.payload, last_turn, summary } }
    puts.set(`conversations/${id}`, { record, collection: 'conversations' })
    return true
  }

  async function restoreOne(line: Archived): Promise<boolean> {
    switch (line.kind) {
      case 'memory':
        return await putMemory(line.memory)
      case 'ended': {
        const { kind: _, order, ...past } = line
        // The memory may have been restored since the export.
        if (await unit.find(past.memory.id)) return false
        return await putAbsent('versions', past.memory.id, order, past)
      }
      case 'version': {
        const { kind: _, order, ...past } = line
        return await putAbsent('versions', versionRecordId(past.memory.id, past.memory.version), order, past)
      }
      case 'history': {
        const { memory_id, version, event, at } = line.history
        return await putAbsent('history', historyRecordId(memory_id, version, event), at * 1000, line.history)
      }
      case 'turn':
        if (await findTurn(line.turn.id)) return false
        turns.set(line.turn.id, line.turn)
        unit.addWrites(putTurn(scope, line.turn))
        return true
      case 'conversation':
        return await putConversation(line.order, line.conversation)
      case 'call':
        return await putAbsent('calls', line.id, line.order, line.payload)
      case 'graph':
        return await putAbsent('graph', line.id, line.order, line.payload)
      case 'pending':
        return await putPendingTurn({ ...line.pending, scope })
    }
  }

  for (const line of lines) {
    if (await restoreOne(line)) outcome.restored += 1
    else outcome.unchanged += 1
  }
  // Searches with `as_of` cover past versions, but not the records of deleted memories.
  const versions = [...puts.values()].flatMap(({ record, collection }) =>
    collection === 'versions' && !isEndMarker(record) ? [record] : [],
  )
  const texts = versions.map((record) => searchedText(readPastVersion(record).past.memory))
  const vectors = await unit.embedTexts(embedder, texts)
  for (const [i, record] of versions.entries()) record.dense = vectors[i]
  for (const { record, collection } of puts.values()) unit.addWrites({ put: record, collection, scope })
  return outcome
}

/** The records that restoring a line reads. */
function readsOf(line: Archived): Read[] {
  switch (line.kind) {
    case 'memory': {
      const { id, kind, sources } = line.memory
      const turn = kind === 'pending' ? sources[0]?.turn_id : undefined
      return [
        ...readsOfMemory(id),
        ...(turn === undefined ? [] : [{ collection: 'turns' as const, id: turn }]),
      ]
    }
    case 'ended':
      return readsOfMemory(line.memory.id)
    case 'version':
      return [{ collection: 'versions', id: versionRecordId(line.memory.id, line.memory.version) }]
    case 'history': {
      const { memory_id, version, event } = line.history
      return [{ collection: 'history', id: historyRecordId(memory_id, version, event) }]
    }
    case 'turn':
      return [{ collection: 'turns', id: line.turn.id }]
    case 'conversation':
      return [{ collection: 'conversations', id: conversationRecordId(line.conversation.id) }]
    case 'call':
      return [{ collection: 'calls', id: line.id }]
    case 'graph':
      return [{ collection: 'graph', id: line.id }]
    case 'pending': {
      const { turn_id } = line.pending
      return [
        { collection: 'turns', id: turn_id },
        { collection: 'pending', id: turn_id },
      ]
    }
  }
}
