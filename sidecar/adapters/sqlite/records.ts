import { AppError } from '../../errors.ts'
import type { JsonObject, RecordStore, StoredRecord, Write } from '../../ports/records.ts'
import { type SqliteClient, sqliteClient } from './client.ts'
import type { Row, RowWrite } from './record-table.ts'

export interface SqliteRecordsOptions {
  client?: SqliteClient
  /** Limit of the file in pages of 4 KiB. */
  maxPages?: number
}

/**
 * Records in one SQLite file, owned by one process. A commit is on disk when it resolves.
 *
 * The file is opened in the worker thread: if that fails, every call rejects with the reason, `check` first of all.
 * @param path file to open, created with its folder when missing; `:memory:` for tests
 */
export function openSqliteRecords(
  path: string,
  { client = sqliteClient(), maxPages }: SqliteRecordsOptions = {},
): RecordStore {
  const file = client.open('records', path, { maxPages })
  let isClosed = false

  async function read<T>(operation: string, ...args: readonly unknown[]): Promise<T> {
    assertOpen()
    try {
      return (await file.call(operation, ...args)) as T
    } catch (cause) {
      throw isSqliteError(cause)
        ? new AppError('backend_unavailable', 'The record store could not be read.', { cause })
        : cause
    }
  }

  function assertOpen(): void {
    if (isClosed) throw new AppError('backend_unavailable', 'The record store is closed.')
  }

  return {
    kind: 'sqlite',
    async commit(writes) {
      assertOpen()
      try {
        await file.call('commit', writes.map(toRowWrite))
      } catch (cause) {
        throw notStored(cause)
      }
    },
    async get(collection, scope, id) {
      const row = await read<Row | undefined>('get', collection, scope, id)
      return row && toRecord(row)
    },
    async scroll(collection, scope, options) {
      return (await read<Row[]>('scroll', collection, scope, options)).map(toRecord)
    },
    async scopes(collection, { after = '', limit }) {
      return await read<string[]>('scopes', collection, after, limit)
    },
    async check() {
      await read('check')
    },
    async close() {
      isClosed = true
      await file.close()
    },
  }
}

function toRowWrite(write: Write): RowWrite {
  if ('remove' in write) return write
  const { put, collection, scope } = write
  const { id, order, payload, dense, sparse } = put
  const row = { id, order, payload: JSON.stringify(payload), dense: dense && compact(dense), sparse }
  return { collection, scope, put: row }
}

/** Copying a view to another thread copies the whole buffer under it. */
function compact(vector: Float32Array): Float32Array {
  return vector.byteLength === vector.buffer.byteLength ? vector : vector.slice()
}

function toRecord({ payload, ...row }: Row): StoredRecord {
  return { ...row, payload: JSON.parse(payload) as JsonObject }
}

function isSqliteError(cause: unknown): boolean {
  return (cause as { code?: unknown }).code === 'ERR_SQLITE_ERROR'
}

/** SQLITE_FULL */
const FULL = 13

/** Messages of SQLite may name files of the server, so that callers only get the reason "disk full". */
function notStored(cause: unknown): unknown {
  if (cause instanceof AppError) return cause
  const { message, errcode } = cause as { message: string; errcode?: number }
  let reason = ''
  if (errcode === FULL) reason = `: there is no room on the disk of DATA_DIR (${message})`
  else if (!isSqliteError(cause)) reason = `: ${message}`
  const text = `The record store could not write; nothing was stored${reason}.`
  return new AppError('backend_unavailable', text, { cause })
}
