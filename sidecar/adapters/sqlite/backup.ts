import { statSync } from 'node:fs'
import { backup, DatabaseSync } from 'node:sqlite'
import { openFileReadOnly } from './file.ts'
import { VERSIONS } from './record-schema.ts'

/** Pages of 4 KiB that are copied between two reports of the progress. */
const PAGES_PER_STEP = 1024

export interface CopiedStore {
  records: number
  bytes: number
}

/**
 * Copies the records file, also while a sidecar writes to it, and checks the copy. The copy has everything that was committed
 * before the call, and is one file without a write-ahead log.
 * @param to is overwritten
 * @param onProgress gets the copied fraction
 * @throws {Error} if `from` is not a records file, or the copy is not intact
 */
export async function copyRecordsFile(
  from: string,
  to: string,
  onProgress: (fraction: number) => void,
): Promise<CopiedStore> {
  const source = openFileReadOnly(from, VERSIONS.length, 1)
  try {
    // One snapshot. Without it, SQLite starts the copy again at each commit of the sidecar.
    source.db.exec('BEGIN')
    const records = countRecords(source.db)
    await backup(source.db, to, {
      rate: PAGES_PER_STEP,
      progress: ({ totalPages, remainingPages }) => onProgress(1 - remainingPages / totalPages),
    })
    check(to, records)
    return { records, bytes: statSync(to).size }
  } finally {
    source.close()
  }
}

function check(path: string, records: number): void {
  const copy = new DatabaseSync(path)
  try {
    copy.exec('PRAGMA journal_mode = DELETE')
    const [result] = copy.prepare('PRAGMA integrity_check(1)').all()
    const problem = result?.['integrity_check']
    if (problem !== 'ok') throw new Error(`the copy is damaged: ${problem}; is the disk in order?`)
    const copied = countRecords(copy)
    if (copied !== records)
      throw new Error(`the copy is incomplete: expected ${records} records, got ${copied}`)
  } finally {
    copy.close()
  }
}

function countRecords(db: DatabaseSync): number {
  return Number(db.prepare('SELECT count(*) AS count FROM records').get()?.['count'])
}
