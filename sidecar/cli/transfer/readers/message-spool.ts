import { DatabaseSync } from 'node:sqlite'
import { parseJson } from '../../../text/exact-json.ts'
import type { Fields } from '../input/entry.ts'

interface SpooledMessage {
  conversationId: string
  userId: string | null
  id: string
  parent: string | null
  /** Epoch milliseconds. */
  at: number
  line: number
  value: Fields
}

/** Groups messages by conversation in a temporary database, because they may not fit into memory. */
export class MessageSpool implements Disposable {
  // An empty name makes SQLite use a temporary database that spills to disk.
  readonly #db = new DatabaseSync('')
  readonly #find
  readonly #put

  constructor() {
    this.#db.exec(`
      PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
      CREATE TABLE messages (
        conversation TEXT NOT NULL, user TEXT, id TEXT NOT NULL, at INTEGER NOT NULL, message TEXT NOT NULL,
        UNIQUE (conversation, id) ON CONFLICT REPLACE
      );
      BEGIN`)
    this.#find = this.#db.prepare('SELECT message FROM messages WHERE conversation = ? AND id = ?')
    this.#put = this.#db.prepare('INSERT INTO messages VALUES (?, ?, ?, ?, ?)')
  }

  /** A message that occurs again on an overlapping page replaces the first, whose line is returned. */
  put(message: SpooledMessage): number | undefined {
    const { conversationId, userId, id, at } = message
    const earlier = this.#find.get(conversationId, id)
    this.#put.run(conversationId, userId, id, at, JSON.stringify(message))
    return earlier && toMessage(earlier).line
  }

  /** Conversations by start time, their messages oldest first. Holds one in memory at a time. */
  *conversations() {
    const list = this.#db.prepare(
      'SELECT conversation, max(user) AS user FROM messages GROUP BY conversation ORDER BY min(at), conversation',
    )
    const read = this.#db.prepare('SELECT message FROM messages WHERE conversation = ? ORDER BY at, rowid')
    for (const row of list.iterate()) {
      const conversationId = row['conversation'] as string
      const rows = read.all(conversationId)
      const messages = rows.map(toMessage)
      yield { conversationId, userId: row['user'] as string | null, messages }
    }
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }
}

function toMessage({ message }: Record<string, unknown>): SpooledMessage {
  return parseJson(message as string).value as SpooledMessage
}
