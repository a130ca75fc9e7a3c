import { AppError } from '../../ports/errors.ts'
import type { RecordStore, SearchResult, StoredRecord } from '../../ports/records.ts'
import { type SqliteClient, sqliteClient } from './client.ts'
import { type Entry, EntryCache } from './entry-cache.ts'
import type { Failure } from './messages.ts'
import type { PayloadRow } from './record-table.ts'
import type { EntryColumns } from './search/columns.ts'
import type { SearchAnswer } from './search/search.ts'

/**
 * Records in one SQLite file, owned by one process. A commit is on disk when it resolves.
 *
 * The worker thread opens the file; if that fails, every call rejects with the reason.
 * @param path file to open, created with its folder when missing; `:memory:` for tests
 * @param options.isReadOnly opens an existing file while another process may own it; every commit rejects
 * @param options.maxPages limit of the file in pages of 4 KiB
 */
export function openSqliteRecords(
  path: string,
  {
    client = sqliteClient(),
    ...options
  }: { client?: SqliteClient; maxPages?: number; isReadOnly?: boolean } = {},
): RecordStore {
  const file = client.open('records', path, options)
  const cache = new EntryCache()
  let isClosed = false

  async function settle<T>(
    request: () => Promise<unknown>,
    toError: (cause: Failure) => unknown,
  ): Promise<T> {
    if (isClosed) throw new AppError('backend_unavailable', 'The record store is closed.')
    try {
      return (await request()) as T
    } catch (cause) {
      throw cause instanceof AppError ? cause : toError(cause as Failure)
    }
  }

  const read = async <T>(signal: AbortSignal | undefined, operation: string, ...args: readonly unknown[]) =>
    await settle<T>(() => file.read(signal, operation, ...args), unreadable)

  return {
    kind: 'sqlite',
    commit: (writes) => settle<void>(() => file.call('commit', writes), notStored),
    get: (...args) => read<StoredRecord | undefined>(undefined, 'get', ...args),
    // A signal cannot be sent to a thread.
    scroll: (collection, scope, { signal, ...options }) =>
      read<StoredRecord[]>(signal, 'scroll', collection, scope, options),
    async search(scope, query, signal) {
      // A view would be copied to the thread with all of its buffer.
      const dense = query.dense?.slice()
      const request = [scope, { ...query, dense }] as const
      let found = await read<SearchAnswer>(signal, 'search', ...request)
      let entries = await cache.entries(found.numbers, (missing) =>
        read<EntryColumns>(signal, 'entries', missing),
      )
      if (!entries) {
        // A commit happened between the two calls.
        const whole = await read<Whole>(signal, 'searchWithEntries', ...request)
        found = whole.found
        entries = (await cache.entries(found.numbers, async () => whole.entries)) as Entry[]
      }
      return toResult(found, entries, (wanted) =>
        cache.records(wanted, (ids) => read<PayloadRow[]>(signal, 'read', scope, ids)),
      )
    },
    scopes: (collection, { after = '', limit }) =>
      read<string[]>(undefined, 'scopes', collection, after, limit),
    check: () => settle<void>(() => file.call('check'), notWritable),
    async close() {
      isClosed = true
      await file.close()
    },
  }
}

interface Whole {
  found: SearchAnswer
  entries: EntryColumns
}

function toResult(
  { similarities, total, frequencies }: SearchAnswer,
  entries: readonly Entry[],
  read: (entries: readonly Entry[]) => Promise<StoredRecord[]>,
): SearchResult {
  const candidates = entries.map(({ id, order, search }, i) => {
    return { id, order, search, similarity: similarities[i] as number }
  })
  let byId: Map<string, Entry> | undefined
  return {
    candidates,
    total,
    frequencies,
    read(ids) {
      byId ??= new Map(entries.map((entry) => [entry.id, entry]))
      return read(ids.flatMap((id) => byId?.get(id) ?? []))
    },
  }
}

/** Result code SQLITE_FULL. */
const FULL = 13

/** Callers of the API may see these messages; those of SQLite may contain paths of the server. */
function unreadable(cause: Failure): unknown {
  if (cause.code !== 'ERR_SQLITE_ERROR') return cause
  return new AppError('backend_unavailable', 'The record store could not be read.', { cause })
}

function notWritable(cause: Failure): unknown {
  return cause.code === 'ERR_SQLITE_ERROR' ? new Error(`cannot write: ${cause.message}`, { cause }) : cause
}

function notStored(cause: Failure): AppError {
  const { message, code, errcode } = cause
  let reason = code === 'ERR_SQLITE_ERROR' ? '' : `: ${message}`
  if (errcode === FULL) reason = `: there is no room on the disk of DATA_DIR (${message})`
  const text = `The record store could not write; nothing was stored${reason}.`
  return new AppError('backend_unavailable', text, { cause })
}
