import { LRUCache } from 'lru-cache'
import type { Memory } from '../memory/memory.ts'
import type { Turn } from '../memory/turns.ts'
import {
  type Position,
  type RecordStore,
  type StoredRecord,
  scrollAll,
  type Write,
} from '../ports/records.ts'
import type { Answered } from '../recall/strategies/strategies.ts'
import { type Scope, scopeKey } from '../scope.ts'
import { WriteBehind, type WriteTrouble } from '../write-behind.ts'
import { type StoredTurn, uncoveredTurns } from './coverage.ts'
import { createForgotten, type Forgotten } from './forgotten.ts'
import {
  conversationRowId,
  fromRecord,
  type PlacedRow,
  recordId,
  rowsScope,
  type TimelineRow,
  toRow,
  toWrite,
} from './rows.ts'

export interface TimelineOptions {
  records: RecordStore
  /** Told of every write that failed. The rows wait and are written later; the oldest go when there are too many. */
  onFailure?: (error: unknown, trouble: WriteTrouble) => void
  /** Epoch milliseconds. */
  now: () => number
  /** Milliseconds between writes. @default 1000 */
  writeEveryMs?: number
  /** Rows of a conversation that are kept, the latest turns. @default 1000 */
  maxRows?: number
  /** Most rows that wait to be written. @default 10000 */
  maxWaiting?: number
}

/** A recall, and what it hid: turns that had been added and that neither the window nor what was served could know. */
export interface Shown extends TimelineRow {
  uncovered: number[]
}

export interface TimelineTurn {
  turn: number
  /** Epoch milliseconds; `null` for a turn that was recalled for and never added. */
  addedAt: number | null
  /** Oldest first; none for a turn that was only added. */
  recalls: Shown[]
}

const PAGE = 500
/** Rows written to a conversation between two looks at whether it has too many. */
const TRIM_EVERY = 100
/** Conversations of which this process knows how many rows it wrote. */
const MAX_COUNTED = 10_000
/** By how much the clock of another process may differ, and how long it may take to say that it forgets, milliseconds. */
const SKEW_MS = 60_000

/** What each turn of a conversation was answered with, written in groups, apart from the recalls that it is about. */
export class Timeline {
  readonly #records: RecordStore
  readonly #forgotten: Forgotten
  readonly #now: () => number
  readonly #maxRows: number
  readonly #behind: WriteBehind<PlacedRow>
  /** When it was last looked who was forgotten. */
  #lookedAt = 0
  /** Rows since the last look at whether there are too many, by scope of rows; of those that are known to be marked. */
  readonly #written = new LRUCache<string, number>({ maxSize: MAX_COUNTED, sizeCalculation: () => 1 })

  constructor(options: TimelineOptions) {
    const { records, onFailure, now, writeEveryMs = 1000, maxRows = 1000, maxWaiting = 10_000 } = options
    this.#records = records
    this.#forgotten = createForgotten(records)
    this.#now = now
    this.#maxRows = maxRows
    this.#behind = new WriteBehind({
      write: (rows) => this.#write(rows),
      onFailure,
      everyMs: writeEveryMs,
      maxWaiting,
      atOnce: PAGE,
    })
  }

  /** Takes an answer. Never throws and never waits: a lost row must not lose a recall. */
  readonly record = (answered: Answered): void => {
    try {
      const placed = toRow(answered)
      if (placed) this.#behind.put(placed)
    } catch (error) {
      this.#behind.lose(error)
    }
  }

  /** Rows that were given up since the start. */
  get lost(): number {
    return this.#behind.lost
  }

  /** Writes what waits. Never rejects: rows that cannot be written wait on. */
  async flush(): Promise<void> {
    await this.#behind.flush()
  }

  /**
   * A page of the turns of a conversation, the latest first.
   * @param before only turns below this one
   */
  async read(
    scope: Scope,
    conversationId: string,
    { limit, before }: { limit: number; before?: number | undefined },
  ): Promise<{ turns: TimelineTurn[]; next: number | null }> {
    await this.flush()
    const key = scopeKey(scope)
    const below = (turn: number) => before === undefined || turn < before
    const stored = await this.#storedTurns(key, conversationId)
    const recalled = await this.#rowsOf(key, conversationId, { limit, before })
    const numbers = new Set([...stored.map(({ turn }) => turn).filter(below), ...recalled.keys()])
    const sorted = [...numbers].sort((a, b) => b - a)
    const page = sorted.slice(0, limit)
    const addedAt = new Map(stored.map(({ turn, created_at }) => [turn, created_at]))
    const find = this.#finder(key)
    const turns: TimelineTurn[] = []
    for (const turn of page) {
      const rows = (recalled.get(turn) ?? []).toSorted((a, b) => a.at - b.at)
      const recalls: Shown[] = []
      for (const row of rows) recalls.push({ ...row, uncovered: await uncoveredTurns(row, stored, find) })
      turns.push({ turn, addedAt: addedAt.get(turn) ?? null, recalls })
    }
    return { turns, next: sorted.length > limit ? (page.at(-1) as number) : null }
  }

  /** Erases the rows of a user, and answers how many there were. */
  async forget(scope: Scope): Promise<number> {
    const key = scopeKey(scope)
    await this.flush()
    await this.#forgotten.note(key, this.#now())
    for (const { id, scope: of } of this.#behind.waiting) if (of === key) this.#behind.remove(id)
    // What came since, and is being written at this moment.
    await this.flush()
    let count = 0
    for await (const { payload, id } of scrollAll(this.#records, 'timeline', key)) {
      const rows = rowsScope(key, payload['conversation_id'] as string)
      count += await this.#eraseAfter(rows, undefined)
      await this.#records.commit([{ remove: id, collection: 'timeline', scope: key }])
      this.#written.delete(rows)
    }
    return count
  }

  /** Writes what waits, once. Later rows are let go. */
  async close(): Promise<void> {
    await this.#behind.close()
  }

  async #write(rows: readonly PlacedRow[]): Promise<void> {
    const byConversation = Map.groupBy(rows, ({ scope, conversationId }) => rowsScope(scope, conversationId))
    const writes: Write[] = []
    for (const [of, ofConversation] of byConversation) {
      writes.push(...ofConversation.map((placed) => toWrite(placed, of)))
      const [first] = ofConversation
      if (first && !this.#written.has(of)) writes.push(mark(first))
    }
    await this.#records.commit(writes)
    for (const [of, { length }] of byConversation) await this.#trim(of, length)
    await this.#takeBackForgotten(rows)
  }

  /** Another process may have forgotten the user while rows waited here, and the mark of a conversation with its rows. */
  async #takeBackForgotten(rows: readonly PlacedRow[]): Promise<void> {
    const now = this.#now()
    const first = Math.min(this.#lookedAt, ...rows.map(({ row }) => row.at))
    const lastOf = await this.#forgotten.since(first - SKEW_MS)
    for (const [scope, ofScope] of Map.groupBy(rows, (placed) => placed.scope)) {
      const forgottenAt = lastOf(scope)
      if (forgottenAt === undefined) continue
      const late = ofScope.filter(({ row }) => row.at <= forgottenAt)
      if (late.length > 0) {
        await this.#records.commit(
          late.map((placed) => removal(recordId(placed), rowsScope(scope, placed.conversationId))),
        )
      }
      for (const placed of new Map(ofScope.map((one) => [one.conversationId, one])).values()) {
        const left = await this.#records.scroll('timeline', rowsScope(scope, placed.conversationId), {
          limit: 1,
        })
        // Its name is a trace as well.
        const name = removal(conversationRowId(placed.conversationId), scope)
        await this.#records.commit([left.length > 0 ? mark(placed) : name])
        if (left.length === 0) this.#written.delete(rowsScope(scope, placed.conversationId))
      }
    }
    this.#lookedAt = now
  }

  async #trim(of: string, written: number): Promise<void> {
    const before = this.#written.get(of)
    const count = (before ?? TRIM_EVERY) + written
    this.#written.set(of, count >= TRIM_EVERY ? 0 : count)
    if (count < TRIM_EVERY) return
    const kept = await this.#records.scroll('timeline', of, { limit: this.#maxRows, direction: 'descending' })
    const last = kept.at(-1)
    if (last && kept.length === this.#maxRows) await this.#eraseAfter(of, { order: last.order, id: last.id })
  }

  /** Erases rows in descending order, all or those after a place. */
  async #eraseAfter(of: string, after: Position | undefined): Promise<number> {
    let count = 0
    for (;;) {
      const page = await this.#records.scroll('timeline', of, { limit: PAGE, after, direction: 'descending' })
      if (page.length === 0) return count
      await this.#records.commit(page.map(({ id }) => removal(id, of)))
      count += page.length
    }
  }

  /** The rows of the latest turns, as many turns as are wanted. */
  async #rowsOf(
    scope: string,
    conversationId: string,
    { limit, before }: { limit: number; before?: number | undefined },
  ): Promise<Map<number, TimelineRow[]>> {
    const byTurn = new Map<number, TimelineRow[]>()
    const of = rowsScope(scope, conversationId)
    let after: Position | undefined = before === undefined ? undefined : { order: before, id: '' }
    for (;;) {
      const page: StoredRecord[] = await this.#records.scroll('timeline', of, {
        limit: PAGE,
        after,
        direction: 'descending',
      })
      for (const record of page) {
        const row = fromRecord(record)
        // One turn more, so that it is known that there is more.
        if (!byTurn.has(row.turn) && byTurn.size > limit) return byTurn
        byTurn.set(row.turn, [...(byTurn.get(row.turn) ?? []), row])
      }
      const last = page.at(-1)
      if (!last || page.length < PAGE) return byTurn
      after = { order: last.order, id: last.id }
    }
  }

  async #storedTurns(scope: string, conversationId: string): Promise<StoredTurn[]> {
    const stored: StoredTurn[] = []
    for await (const { payload } of scrollAll(this.#records, 'turns', scope)) {
      const { id, conversation_id, turn, memory_ids, revision, created_at, updated_at } =
        payload as unknown as Turn
      if (conversation_id !== conversationId || turn === null) continue
      stored.push({ id, conversation_id, turn, memory_ids, revision, created_at, updated_at })
    }
    return stored
  }

  /** Finds memories, each once. */
  #finder(scope: string): (id: string) => Promise<Memory | undefined> {
    const found = new Map<string, Promise<Memory | undefined>>()
    return (id) => {
      const known =
        found.get(id) ??
        this.#records
          .get('memories', scope, id)
          .then((record) => record && (record.payload as unknown as Memory))
      found.set(id, known)
      return known
    }
  }
}

/** Says that a conversation has rows: all of a user's are found by these. */
function mark({ scope, conversationId }: PlacedRow): Write {
  const put = {
    id: conversationRowId(conversationId),
    order: 0,
    payload: { conversation_id: conversationId },
  }
  return { put, collection: 'timeline', scope }
}

function removal(id: string, scope: string): Write {
  return { remove: id, collection: 'timeline', scope }
}
