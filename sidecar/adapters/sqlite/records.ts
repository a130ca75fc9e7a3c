import { AppError } from '../../ports/errors.ts'
import type { JsonObject, RecordStore, SearchResult, StoredRecord } from '../../ports/records.ts'
import { slicer } from '../common/slices.ts'
import { type SqliteClient, sqliteClient } from './client.ts'
import type { Failure } from './messages.ts'
import type { SearchAnswer } from './search/search.ts'
import { termsFromBytes } from './search/terms.ts'

/**
 * Records in one SQLite file, owned by one process. A commit is on disk when it resolves.
 *
 * The worker thread opens the file; if that fails, every call rejects with the reason.
 * @param path file to open, created with its folder when missing; `:memory:` for tests
 * @param options.isReadOnly opens an existing file beside the process that owns it; every commit rejects
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
  let isClosed = false

  async function call<T>(
    toError: (cause: Failure) => unknown,
    operation: string,
    ...args: readonly unknown[]
  ): Promise<T> {
    if (isClosed) throw new AppError('backend_unavailable', 'The record store is closed.')
    try {
      return (await file.call(operation, ...args)) as T
    } catch (cause) {
      throw cause instanceof AppError ? cause : toError(cause as Failure)
    }
  }

  return {
    kind: 'sqlite',
    commit: (writes) => call<void>(notStored, 'commit', writes),
    get: (...args) => call<StoredRecord | undefined>(unreadable, 'get', ...args),
    scroll: (...args) => call<StoredRecord[]>(unreadable, 'scroll', ...args),
    async search(scope, query) {
      // A view would be copied to the thread with all of its buffer.
      const dense = query.dense?.slice()
      const found = await call<SearchAnswer>(unreadable, 'search', scope, { ...query, dense })
      const read = (ids: readonly string[]) => call<StoredRecord[]>(unreadable, 'read', scope, ids)
      return { ...toResult(found), read }
    },
    scopes: (collection, { after = '', limit }) =>
      call<string[]>(unreadable, 'scopes', collection, after, limit),
    check: () => call<void>(unreadable, 'check'),
    async close() {
      isClosed = true
      await file.close()
    },
  }
}

function toResult(found: SearchAnswer): Omit<SearchResult, 'read'> {
  const take = slicer(found.terms)
  const ids = JSON.parse(found.ids) as string[]
  const orders = JSON.parse(found.orders) as number[]
  const features = JSON.parse(found.features) as JsonObject[]
  const candidates = ids.map((id, i) => ({
    id,
    order: orders[i] as number,
    search: {
      ...termsFromBytes(take(found.termBytes[i] as number)),
      features: features[i] as JsonObject,
    },
    similarity: found.similarities[i] as number,
  }))
  return { candidates, total: found.total, frequencies: found.frequencies }
}

/** Result code SQLITE_FULL. */
const FULL = 13

/** Callers of the API may see these messages; those of SQLite may contain paths of the server. */
function unreadable(cause: Failure): unknown {
  if (cause.code !== 'ERR_SQLITE_ERROR') return cause
  return new AppError('backend_unavailable', 'The record store could not be read.', { cause })
}

function notStored(cause: Failure): AppError {
  const { message, code, errcode } = cause
  let reason = code === 'ERR_SQLITE_ERROR' ? '' : `: ${message}`
  if (errcode === FULL) reason = `: there is no room on the disk of DATA_DIR (${message})`
  const text = `The record store could not write; nothing was stored${reason}.`
  return new AppError('backend_unavailable', text, { cause })
}
