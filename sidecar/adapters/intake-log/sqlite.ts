import type { IntakeLog } from '../../ports/intake-log.ts'
import type { JsonObject } from '../../ports/records.ts'
import { openFile } from '../records/sqlite-file.ts'
import type { SyncFile } from '../records/sqlite-sync.ts'
import { createWriter } from '../records/sqlite-writer.ts'

type Row = { place: number; body: string } | { removed: number }

/** One table without an index: an entry is a page of SQLite's log, where a turn among the records is two dozen. */
const VERSIONS = ['CREATE TABLE entries (place INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;']

/**
 * A log in a file of its own, owned by one process. Nothing but its few pages is waited for when the disk confirms an
 * entry, whatever else is being written.
 * @param path created with its folder when missing; `:memory:` for tests
 * @throws {Error} in words for the operator when the file is in use or not a database
 */
export function openSqliteIntakeLog(path: string, { syncFile }: { syncFile?: SyncFile } = {}): IntakeLog {
  const file = openFile(path, VERSIONS)
  const { db } = file
  const put = db.prepare('INSERT INTO entries (place, body) VALUES (?, ?)')
  const remove = db.prepare('DELETE FROM entries WHERE place = ?')
  const all = db.prepare('SELECT place, body FROM entries ORDER BY place')
  const writer = createWriter<Row>(file, {
    path,
    // Each is a page or two, and somebody waits.
    inGroups: false,
    checkpointRows: 500,
    logPages: 0,
    syncFile,
    write(rows) {
      for (const row of rows) {
        if ('removed' in row) remove.run(row.removed)
        else put.run(row.place, row.body)
      }
      return rows.length
    },
  })
  let last = Number(db.prepare('SELECT max(place) AS last FROM entries').get()?.['last'] ?? 0)

  return {
    async append(body) {
      last += 1
      const place = last
      await writer.commit([{ place, body: JSON.stringify(body) }])
      return place
    },
    entries: () =>
      all.all().map((row) => ({
        place: row['place'] as number,
        body: JSON.parse(row['body'] as string) as JsonObject,
      })),
    async remove(places) {
      await writer.commit(places.map((removed) => ({ removed })))
    },
    close: () => writer.close(),
  }
}
