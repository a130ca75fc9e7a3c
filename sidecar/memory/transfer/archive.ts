import { type RecordStore, type StoredRecord, scrollAll } from '../../ports/records.ts'
import type { OWNED } from '../forget.ts'
import { getPending } from '../repositories/pending.ts'
import { isEndMarker } from '../repositories/versions.ts'
import { type Archived, type ArchivedKind, archived, FORMAT, FORMAT_VERSION } from './format.ts'

/** Records per read: a page is held in memory, an export is not. */
const PAGE = 200

/** How a record of each collection that a user owns is written; without an entry the compiler objects. */
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

const ORDER = ['memories', 'versions', 'history', 'turns', 'conversations', 'calls', 'graph'] as const

/**
 * Everything that is kept of a user, as lines of JSON: a header, the records, a footer with their counts. Read page by
 * page as the reader asks for it. Of what is written meanwhile, some may be in it and some not.
 *
 * Not in it: rules and ledger, which belong to the apps, and embeddings.
 */
export async function* archiveLines(
  store: RecordStore,
  scope: string,
  { userId, now }: { userId: string; now: number },
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
  const waiting: string[] = []
  for (const collection of ORDER) {
    for await (const record of scrollAll(store, collection, scope, PAGE)) {
      if (collection === 'turns' && record.payload['state'] !== 'done') waiting.push(record.id)
      yield toText(TO_LINE[collection](record))
    }
  }
  // Last, so that nothing is learned from where it is imported before all of it is there.
  for (const turnId of waiting) {
    const turn = await getPending(store, scope, turnId)
    if (!turn) continue
    const { scope: _, ...pending } = turn
    yield toText({ kind: 'pending', pending })
  }
  yield JSON.stringify({ kind: 'footer', counts })
}
