import { openFile } from './file.ts'
import type { Table } from './messages.ts'

/** Keys are stored as bytes, so that any well-formed Unicode string is read back unchanged. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS wishes (key BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID, STRICT;
  CREATE INDEX IF NOT EXISTS wishes_in_order ON wishes (at);
`

/** The queue file: one row per scheduled key. Runs in the worker thread. */
export function openQueueTable(path: string) {
  const file = openFile(path, (db) => {
    db.exec(SCHEMA)
    // A power failure may lose a wake-up: pending turns are scheduled again when the sidecar starts.
    db.exec('PRAGMA synchronous = NORMAL')
  })
  const { db } = file
  const all = db.prepare('SELECT key, at FROM wishes')
  const add = db.prepare(
    'INSERT INTO wishes (key, at) VALUES (?, ?) ON CONFLICT DO UPDATE SET at = excluded.at WHERE excluded.at < at',
  )
  const set = db.prepare('UPDATE wishes SET at = ? WHERE key = ?')
  const remove = db.prepare('DELETE FROM wishes WHERE key = ?')
  const reads = {
    all: () => all.all().map(({ key, at }) => ({ key: Buffer.from(key as Uint8Array).toString(), at })),
  }
  const writes = {
    check: file.probe,
    add: (key: string, at: number) => add.run(Buffer.from(key), at),
    set: (key: string, at: number) => set.run(at, Buffer.from(key)),
    remove: (key: string) => remove.run(Buffer.from(key)),
  }
  return { ...file, reads, writes } satisfies Table
}
