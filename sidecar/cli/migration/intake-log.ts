import { existsSync, renameSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { type AddRequest, addTurn } from '../../learning/intake/add-turn.ts'
import { cleanTurn } from '../../learning/intake/clean-turn.ts'
import type { MemoryEngine } from '../../memory/engine/engine.ts'
import type { Triggers } from '../../memory/model/pending.ts'
import { parseScopeKey } from '../../memory/model/scope.ts'
import { tokensOf } from '../../memory/model/turns.ts'
import { getTurn } from '../../memory/repositories/turns.ts'
import type { RecordStore } from '../../ports/records.ts'
import type { CountTokens } from '../../text/token-counter.ts'

/*
 * Earlier versions acknowledged a turn once it was in `DATA_DIR/intake.db`, and moved it to the records afterwards. A
 * process that was killed in between left acknowledged turns in that file.
 */

interface IntakeEntry {
  /** Equals `Turn.logged` of the stored turn once the entry has been moved. */
  id: string
  scope: string
  turnId: string
  request: AddRequest
  expiresAt: number | null
  triggers?: Partial<Triggers>
  /** When the turn was accepted, epoch milliseconds. */
  at: number
}

export interface ImportOptions {
  records: RecordStore
  engine: Pick<MemoryEngine, 'tryChange'>
  /** Called only if there is an entry to import. */
  loadTokenCounter: () => Promise<CountTokens>
}

/** Entries in the order in which they were accepted; none where there is no such file. */
export function readIntakeLog(path: string): IntakeEntry[] {
  if (!existsSync(path)) return []
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(path)
    // A process that was killed while it created the file left it without the table.
    if (!db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'entries'").get()) return []
    const rows = db.prepare('SELECT body FROM entries ORDER BY place').all()
    return rows.map((row) => JSON.parse(row['body'] as string) as IntakeEntry)
  } catch (cause) {
    throw new Error(`DATA_DIR: cannot read ${path}: ${(cause as Error).message}`, { cause })
  } finally {
    db?.close()
  }
}

/**
 * Adds the entries that are not in the records yet, and then renames the file to `<path>.migrated`. After a crash the
 * import starts again: adding a turn a second time in the same words changes nothing. Must run before requests are
 * served.
 * @returns the number of entries that the records did not have
 */
export async function importIntakeLog(path: string, { records, engine, loadTokenCounter }: ImportOptions) {
  if (!existsSync(path)) return 0
  let added = 0
  for (const { id, scope, turnId, request, expiresAt, triggers, at } of readIntakeLog(path)) {
    const stored = await getTurn(records, scope, turnId)
    if (stored?.logged === id) continue
    const countTokens = await loadTokenCounter()
    // Rules that redact are younger than the intake log.
    const { messages } = await cleanTurn(request.messages, [])
    const identified = { ...request, messages, ...(request.conversationId === undefined && { turnId }) }
    await addTurn(engine, parseScopeKey(scope), identified, {
      ...{ learn: true, at, expiresAt, triggers },
      countTokens: (messages) => tokensOf(messages, countTokens),
    })
    added += 1
  }
  renameSync(path, `${path}.migrated`)
  for (const suffix of ['-lock', '-shm', '-wal']) rmSync(`${path}${suffix}`, { force: true })
  return added
}
