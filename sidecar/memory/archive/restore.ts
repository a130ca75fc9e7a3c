import type { Embedder } from '../../ports/embedder.ts'
import type { Collection, RecordStore, StoredRecord } from '../../ports/records.ts'
import type { UnitOfWork } from '../engine/unit-of-work.ts'
import { type HistoryRow, historyRecordId, type PastVersion, versionRecordId } from '../model/history.ts'
import type { Memory } from '../model/memory.ts'
import type { PendingTurn } from '../model/pending.ts'
import { conversationRecordId, type Turn } from '../model/turns.ts'
import { getPending, putPending } from '../repositories/pending.ts'
import { toPayload } from '../repositories/record.ts'
import { getTurn, putTurn } from '../repositories/turns.ts'
import { isEndMarker, readPastVersion } from '../repositories/versions.ts'
import type { Archived } from './format.ts'

export interface RestoreOutcome {
  restored: number
  unchanged: number
  /** Restored turns that are pending extraction. */
  waiting: PendingTurn[]
}

export interface RestoreContext {
  records: RecordStore
  embedder: Embedder
}

type VersionLine = Extract<Archived, { kind: 'version' | 'ended' }>

/**
 * Restores exported records. Existing records stay unchanged, including those that were deleted or extracted since, so
 * restoring a file repeatedly or in parts gives the same result as restoring it once.
 */
export async function restoreRecords(
  unit: UnitOfWork,
  lines: readonly Archived[],
  { records, embedder }: RestoreContext,
): Promise<RestoreOutcome> {
  const { scope } = unit
  const outcome: RestoreOutcome = { restored: 0, unchanged: 0, waiting: [] }
  const turns = new Map<string, Turn>()
  const puts = new Map<string, { record: StoredRecord; collection: Collection }>()

  const findTurn = async (id: string) => turns.get(id) ?? (await getTurn(records, scope, id))

  async function putAbsent(collection: Collection, record: StoredRecord): Promise<boolean> {
    const key = `${collection}/${record.id}`
    if (puts.has(key) || (await records.get(collection, scope, record.id))) return false
    puts.set(key, { record, collection })
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

  async function putVersion({ kind, order, ...past }: VersionLine): Promise<boolean> {
    const { memory } = past
    // The memory was undeleted since the export.
    if (kind === 'ended' && (await unit.find(memory.id))) return false
    const id = kind === 'ended' ? memory.id : versionRecordId(memory.id, memory.version)
    return await putAbsent('versions', { id, order, payload: toPayload(past satisfies PastVersion) })
  }

  async function putPendingTurn(turn: PendingTurn): Promise<boolean> {
    const stored = await findTurn(turn.turn_id)
    if (!stored || stored.state === 'done' || stored.revision !== turn.revision) return false
    if (await getPending(records, scope, turn.turn_id)) return false
    unit.addWrites(putPending(turn))
    outcome.waiting.push(turn)
    return true
  }

  async function restoreOne(line: Archived): Promise<boolean> {
    switch (line.kind) {
      case 'memory':
        return await putMemory(line.memory)
      case 'ended':
      case 'version':
        return await putVersion(line)
      case 'history': {
        const row: HistoryRow = line.history
        const id = historyRecordId(row.memory_id, row.version, row.event)
        return await putAbsent('history', { id, order: row.at * 1000, payload: toPayload(row) })
      }
      case 'turn': {
        const turn: Turn = line.turn
        if (await findTurn(turn.id)) return false
        turns.set(turn.id, turn)
        unit.addWrites(putTurn(scope, turn))
        return true
      }
      case 'conversation':
        return await putConversation(line)
      case 'call':
        return await putAbsent('calls', { id: line.id, order: line.order, payload: line.payload })
      case 'graph':
        return await putAbsent('graph', { id: line.id, order: line.order, payload: line.payload })
      case 'pending':
        return await putPendingTurn({ ...line.pending, scope })
    }
  }

  /** Merges into an existing conversation: the greater turn number and the existing summary win. */
  async function putConversation({
    order,
    conversation,
  }: Extract<Archived, { kind: 'conversation' }>): Promise<boolean> {
    const id = conversationRecordId(conversation.id)
    const payload = toPayload(conversation)
    if (await putAbsent('conversations', { id, order, payload })) return true
    const existing = await records.get('conversations', scope, id)
    if (!existing) return false
    const last_turn = Math.max(existing.payload['last_turn'] as number, conversation.last_turn)
    const summary = (existing.payload['summary'] as string) || conversation.summary
    if (last_turn === existing.payload['last_turn'] && summary === existing.payload['summary']) return false
    puts.set(`conversations/${id}`, {
      record: { ...existing, payload: { ...existing.payload, last_turn, summary } },
      collection: 'conversations',
    })
    return true
  }

  for (const line of lines) {
    if (await restoreOne(line)) outcome.restored += 1
    else outcome.unchanged += 1
  }
  await embedVersions([...puts.values()].filter(needsVector), embedder, scope)
  for (const { record, collection } of puts.values()) unit.addWrites({ put: record, collection, scope })
  return outcome
}

/** Searches with `as_of` cover past versions, but not the records of deleted memories. */
function needsVector({ record, collection }: { record: StoredRecord; collection: Collection }): boolean {
  return collection === 'versions' && !isEndMarker(record)
}

async function embedVersions(
  versions: readonly { record: StoredRecord }[],
  embedder: Embedder,
  scope: string,
): Promise<void> {
  if (versions.length === 0) return
  const texts = versions.map(({ record }) => readPastVersion(record).past.memory.text)
  const vectors = await embedder.embed(texts, 'document', undefined, { scope })
  for (const [i, { record }] of versions.entries()) record.dense = vectors[i]
}
