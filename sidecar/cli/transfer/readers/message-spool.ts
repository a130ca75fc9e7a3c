import { DatabaseSync } from 'node:sqlite'
import type { Fields } from '../input/entry.ts'

export interface SpooledMessage {
  conversationId: string
  userId: string | null
  id: string
  parent: string | null
  /** Epoch milliseconds. */
  at: number
  line: number
  value: Fields
}

export interface SpooledConversation {
  conversationId: string
  userId: string | null
  /** Oldest first. */
  messages: SpooledMessage[]
}

/** Groups messages by conversation in a temporary database, because they may not fit into memory. */
export class MessageSpool implements Disposable {
  // An empty name makes SQLite use a temporary database that spills to disk.
  readonly #db = new DatabaseSync('')
  readonly #put

  constructor() {
    this.#db.exec(`
      PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
      CREATE TABLE messages (
        conversation TEXT NOT NULL, user TEXT, id TEXT NOT NULL, parent TEXT, at INTEGER NOT NULL,
        line INTEGER NOT NULL, value TEXT NOT NULL, UNIQUE (conversation, id) ON CONFLICT REPLACE
      );
      BEGIN`)
    this.#put = this.#db.prepare('INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)')
  }

  /** A message that occurs again on an overlapping page replaces the first. */
  put({ conversationId, userId, id, parent, at, line, value }: SpooledMessage): void {
    this.#put.run(conversationId, userId, id, parent, at, line, JSON.stringify(value))
  }

  /** Conversations by start time. Holds one in memory at a time. */
  *conversations(): Generator<SpooledConversation> {
    const list = this.#db.prepare(
      'SELECT conversation, max(user) AS user FROM messages GROUP BY conversation ORDER BY min(at), conversation',
    )
    const read = this.#db.prepare('SELECT * FROM messages WHERE conversation = ? ORDER BY at, rowid')
    for (const row of list.iterate()) {
      const conversationId = row['conversation'] as string
      const userId = row['user'] as string | null
      const messages = read.all(conversationId).map((one) => ({
        conversationId,
        userId,
        id: one['id'] as string,
        parent: one['parent'] as string | null,
        at: one['at'] as number,
        line: one['line'] as number,
        value: JSON.parse(one['value'] as string) as Fields,
      }))
      yield { conversationId, userId, messages }
    }
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }
}
