import { type RecordStore, type StoredRecord, scrollAll } from '../../ports/records.ts'
import type { OWNED } from '../engine/forget.ts'
import { getPending } from '../repositories/pending.ts'
import { isEndMarker } from '../repositories/versions.ts'
import { type Archived, type ArchivedKind, archived, FORMAT, FORMAT_VERSION } from './format.ts'

/** Records per read. One page is held in memory. */
const PAGE = 50

/** The export line of a record, by collection in the order of the export. An owned collection must have an entry. */
const TO_LINE: Record<(typeof OWNED)[number], (record: StoredRecord) => object> = {
  memories: ({ payload }) => ({ kind: 'memory', memory: payload }),
  versions: (record) => ({
    kind: isEndMarker(record) ? 'ended' : 'version',
    order: record.order,
    ...record.payload,
  }),
  history: ({ payload }) => ({ kind: 'history', history: payload }),
  turns: ({ payload }) => ({ kind: 'turn', turn: payload }),
  conversations: ({ order, payload }) => ({ kind: 'conversation', order, conversation: payload }),
  calls: ({ id, order, payload }) => ({ kind: 'call', id, order, payload }),
  graph: ({ id, order, payload }) => ({ kind: 'graph', id, order, payload }),
}

const ORDER = Object.keys(TO_LINE) as (keyof typeof TO_LINE)[]

/**
 * Exports everything stored for a user, without embeddings, as JSON Lines: a header, the records, a footer with their
 * counts. Reads page by page on demand; concurrent writes may or may not be included.
 */
export async function* archiveLines(
  store: RecordStore,
  scope: string,
  { userId, now, signal }: { userId: string; now: number; signal?: AbortSignal | undefined },
): AsyncGenerator<string> {
  const counts: Partial<Record<ArchivedKind, number>> = {}
  const toText = (line: object): string => {
    const encoded = archived.encode(line as Archived)
    counts[encoded.kind] = (counts[encoded.kind] ?? 0) + 1
    return JSON.stringify(encoded)
  }
  const exported_at = new Date(now).toISOString()
  yield JSON.stringify({
    kind: 'header',
    format: FORMAT,
    version: FORMAT_VERSION,
    user_id: userId,
    exported_at,
  })
  const pendingTurns: string[] = []
  for (const collection of ORDER) {
    const options = { limit: PAGE, withVectors: false, signal }
    for await (const record of scrollAll(store, collection, scope, options)) {
      if (collection === 'turns' && record.payload['state'] !== 'done') pendingTurns.push(record.id)
      yield toText(TO_LINE[collection](record))
    }
  }
  // Pending turns are last, so that an import starts extraction only after the other records are restored.
  for (const turnId of pendingTurns) {
    const turn = await getPending(store, scope, turnId)
    if (!turn) continue
    const { scope: _, ...pending } = turn
    yield toText({ kind: 'pending', pending })
  }
  yield JSON.stringify({ kind: 'footer', counts })
}
