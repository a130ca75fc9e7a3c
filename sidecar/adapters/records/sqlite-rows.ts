import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import type { JsonObject, StoredRecord, Write } from '../../ports/records.ts'
import { packedFromBytes, packedToBytes, sparseFromBytes, sparseToBytes } from './vector-bytes.ts'

/** Writes rows, within a transaction of the caller. */
export function createRowWriter(db: DatabaseSync) {
  const put = db.prepare(
    `INSERT INTO records (scope, collection, id, position, payload, dense, sparse) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (scope, collection, id) DO UPDATE SET position = excluded.position, payload = excluded.payload,
       dense = excluded.dense, sparse = excluded.sparse`,
  )
  // Most records that change stay where they are: the indexes are not touched then, each a page in another place.
  const change = db.prepare(
    'UPDATE records SET payload = ?, dense = ?, sparse = ? WHERE scope = ? AND collection = ? AND id = ? AND position = ?',
  )
  const remove = db.prepare('DELETE FROM records WHERE scope = ? AND collection = ? AND id = ?')
  const name = db.prepare('INSERT OR IGNORE INTO scopes (collection, scope) VALUES (?, ?)')
  const forgetName = db.prepare(
    `DELETE FROM scopes WHERE collection = ? AND scope = ?
     AND NOT EXISTS (SELECT 1 FROM records WHERE records.scope = scopes.scope AND records.collection = scopes.collection)`,
  )

  function writeOne(write: Write): void {
    const { collection, scope } = write
    if ('remove' in write) {
      remove.run(scope, collection, write.remove)
      return
    }
    const { id, order, payload, dense, sparse } = write.put
    const text = JSON.stringify(payload)
    const denseBytes = dense ? packedToBytes(dense) : null
    const sparseBytes = sparse ? sparseToBytes(sparse) : null
    const { changes } = change.run(text, denseBytes, sparseBytes, scope, collection, id, order)
    if (changes === 0) put.run(scope, collection, id, order, text, denseBytes, sparseBytes)
  }

  return {
    /** Answers how many rows that were. */
    write(writes: readonly Write[]): number {
      const named = new Map<string, Write>()
      const emptied = new Map<string, Write>()
      for (const write of writes) {
        writeOne(write)
        ;('remove' in write ? emptied : named).set(`${write.collection} ${write.scope}`, write)
      }
      for (const { collection, scope } of named.values()) name.run(collection, scope)
      for (const { collection, scope } of emptied.values()) forgetName.run(collection, scope)
      return writes.length
    },
  }
}

export function toRecord({
  id,
  position,
  payload,
  dense,
  sparse,
}: Record<string, SQLOutputValue>): StoredRecord {
  return {
    id: id as string,
    order: position as number,
    payload: JSON.parse(payload as string) as JsonObject,
    dense: dense instanceof Uint8Array ? packedFromBytes(dense) : undefined,
    sparse: sparse instanceof Uint8Array ? sparseFromBytes(sparse) : undefined,
  }
}
