import { LRUCache } from 'lru-cache'
import type { Memory } from '../../memory/model/memory.ts'
import { type Scope, scopeKey } from '../../memory/model/scope.ts'
import { getMemory } from '../../memory/repositories/memories.ts'
import { readTurn } from '../../memory/repositories/turns.ts'
import {
  type Position,
  type RecordStore,
  type StoredRecord,
  scrollAll,
  type Write,
} from '../../ports/records.ts'
import type { Answered } from '../../retrieval/strategies/strategies.ts'
import { WriteBehind, type WriteFailure } from '../write-behind.ts'
import { type StoredTurn, uncoveredTurns } from './coverage.ts'
import { createErasures, type Erasures } from './erasures.ts'
import {
  type KeyedRow,
  markerId,
  readTimelineRow,
  recordId,
  rowsScope,
  type TimelineRow,
  toKeyedRow,
  toWrite,
} from './rows.ts'

export interface TimelineOptions {
  records: RecordStore
  /** Called for every failed write. The rows stay pending and are retried. */
  onFailure?: (error: unknown, failure: WriteFailure) => void
  /** Epoch milliseconds. */
  now: () => number
  /** Milliseconds between writes. @default 1000 */
  writeEveryMs?: number
  /** Rows kept per conversation, those of the latest turns. @default 1000 */
  maxRows?: number
  /** Maximum unwritten rows; above it, the oldest are dropped. @default 10000 */
  maxPending?: number
}

export interface TimelineRecall extends TimelineRow {
  /** Turns that the recall missed, see `uncoveredTurns`. */
  uncovered: number[]
}

export interface TimelineTurn {
  turn: number
  /** Epoch milliseconds; `null` for a turn that was recalled but never added. */
  addedAt: number | null
  /** Oldest first. */
  recalls: TimelineRecall[]
}

interface PageOptions {
  /** Turns per page. */
  limit: number
  /** Reads only turns below this one. */
  before?: number | undefined
}

const PAGE = 500
/** A conversation is trimmed to `maxRows` after this many written rows. */
const TRIM_INTERVAL = 100
/** Conversations whose written rows this process counts. */
const MAX_COUNTED = 10_000
/** Milliseconds; bounds the clock difference between processes plus the time to record an erasure. */
const SKEW_MS = 60_000

/** Records the recalls of each turn of a conversation, written in batches in the background. */
export class Timeline {
  readonly #records: RecordStore
  readonly #erasures: Erasures
  readonly #now: () => number
  readonly #maxRows: number
  readonly #buffer: WriteBehind<KeyedRow>
  #erasuresReadAt = 0
  /** Rows written since the last trim, by scope of the rows. An entry means that the marker is stored. */
  readonly #written = new LRUCache<string, number>({ max: MAX_COUNTED })

  constructor(options: TimelineOptions) {
    const { records, onFailure, now, writeEveryMs = 1000, maxRows = 1000, maxPending = 10_000 } = options
    this.#records = records
    this.#erasures = createErasures(records)
    this.#now = now
    this.#maxRows = maxRows
    this.#buffer = new WriteBehind({
      write: (rows) => this.#write(rows),
      onFailure,
      intervalMs: writeEveryMs,
      maxPending,
      batchSize: PAGE,
    })
  }

  /** Buffers a row. Never throws: a lost row must not fail a recall. */
  readonly record = (answered: Answered): void => {
    try {
      const keyed = toKeyedRow(answered)
      if (keyed) this.#buffer.put(keyed)
    } catch (error) {
      this.#buffer.reportLost(error)
    }
  }

  /** Rows dropped since the start. */
  get lost(): number {
    return this.#buffer.lost
  }

  /** Writes pending rows. Never rejects; rows that cannot be written stay pending. */
  async flush(): Promise<void> {
    await this.#buffer.flush()
  }

  /** Reads a page of the turns of a conversation, latest first. `next` is the `before` of the next page. */
  async read(
    scope: Scope,
    conversationId: string,
    { limit, before }: PageOptions,
  ): Promise<{ turns: TimelineTurn[]; next: number | null }> {
    await this.flush()
    const key = scopeKey(scope)
    const stored = await this.#storedTurns(key, conversationId)
    const rowsByTurn = await this.#rowsByTurn(rowsScope(key, conversationId), { limit, before })
    const addedAt = new Map(stored.map(({ turn, created_at }) => [turn, created_at]))
    const numbers = [...new Set([...addedAt.keys(), ...rowsByTurn.keys()])]
      .filter((turn) => before === undefined || turn < before)
      .sort((a, b) => b - a)
    const page = numbers.slice(0, limit)
    const find = this.#memoryFinder(key)
    const turns: TimelineTurn[] = []
    for (const turn of page) {
      const recalls: TimelineRecall[] = []
      for (const row of (rowsByTurn.get(turn) ?? []).toSorted((a, b) => a.at - b.at)) {
        recalls.push({ ...row, uncovered: await uncoveredTurns(row, stored, find) })
      }
      turns.push({ turn, addedAt: addedAt.get(turn) ?? null, recalls })
    }
    return { turns, next: numbers.length > limit ? (page.at(-1) as number) : null }
  }

  /** Erases the rows of a user and returns their number. */
  async forget(scope: Scope): Promise<number> {
    const key = scopeKey(scope)
    await this.flush()
    await this.#erasures.record(key, this.#now())
    for (const { id, scope } of this.#buffer.pending) if (scope === key) this.#buffer.remove(id)
    // Waits for a write that started after the first flush.
    await this.flush()
    let count = 0
    for await (const { id: marker } of scrollAll(this.#records, 'timeline', key)) {
      const rows = `${key}/${marker}`
      count += await this.#eraseAfter(rows, undefined)
      await this.#records.commit([removal(marker, key)])
      this.#written.delete(rows)
    }
    return count
  }

  /** Tries once to write the pending rows. Later rows are ignored. */
  async close(): Promise<void> {
    await this.#buffer.close()
  }

  async #write(rows: readonly KeyedRow[]): Promise<void> {
    const byConversation = Map.groupBy(rows, (row) => rowsScope(row.scope, row.conversationId))
    const unmarked = [...byConversation].flatMap(([scope, [first]]) =>
      first && !this.#written.has(scope) ? [marker(first)] : [],
    )
    await this.#records.commit([...rows.map(toWrite), ...unmarked])
    for (const [scope, { length }] of byConversation) await this.#trim(scope, length)
    await this.#deleteErased(rows)
  }

  /** Deletes rows just written of users whom another process erased meanwhile, and the markers of their conversations. */
  async #deleteErased(rows: readonly KeyedRow[]): Promise<void> {
    const now = this.#now()
    const from = Math.min(this.#erasuresReadAt, ...rows.map(({ row }) => row.at))
    const erasedAt = await this.#erasures.since(from - SKEW_MS)
    for (const [scope, ofUser] of Map.groupBy(rows, (row) => row.scope)) {
      const time = erasedAt(scope)
      if (time === undefined) continue
      const erased = ofUser.filter(({ row }) => row.at <= time)
      if (erased.length > 0) {
        await this.#records.commit(
          erased.map((keyed) => removal(recordId(keyed), rowsScope(scope, keyed.conversationId))),
        )
      }
      for (const keyed of new Map(ofUser.map((one) => [one.conversationId, one])).values()) {
        const rowsOf = rowsScope(scope, keyed.conversationId)
        const isEmpty = (await this.#records.scroll('timeline', rowsOf, { limit: 1 })).length === 0
        await this.#records.commit([isEmpty ? removal(markerId(keyed.conversationId), scope) : marker(keyed)])
        if (isEmpty) this.#written.delete(rowsOf)
      }
    }
    this.#erasuresReadAt = now
  }

  async #trim(scope: string, written: number): Promise<void> {
    // The first write of this process trims as well, because earlier processes may have left more rows.
    const count = (this.#written.get(scope) ?? TRIM_INTERVAL) + written
    this.#written.set(scope, count >= TRIM_INTERVAL ? 0 : count)
    if (count < TRIM_INTERVAL) return
    const kept = await this.#records.scroll('timeline', scope, {
      limit: this.#maxRows,
      direction: 'descending',
    })
    const last = kept.at(-1)
    if (last && kept.length === this.#maxRows) await this.#eraseAfter(scope, last)
  }

  /** Erases the rows after a position in descending order; without a position, all rows. Returns their number. */
  async #eraseAfter(scope: string, after: Position | undefined): Promise<number> {
    let count = 0
    for (;;) {
      const page = await this.#page(scope, after)
      if (page.length === 0) return count
      await this.#records.commit(page.map(({ id }) => removal(id, scope)))
      count += page.length
    }
  }

  /** Reads the rows of the latest `limit` turns, and of one more turn if there is one. */
  async #rowsByTurn(scope: string, { limit, before }: PageOptions): Promise<Map<number, TimelineRow[]>> {
    const byTurn = new Map<number, TimelineRow[]>()
    let after: Position | undefined = before === undefined ? undefined : { order: before, id: '' }
    for (;;) {
      const page = await this.#page(scope, after)
      for (const row of page.map(readTimelineRow)) {
        if (!byTurn.has(row.turn) && byTurn.size > limit) return byTurn
        byTurn.set(row.turn, [...(byTurn.get(row.turn) ?? []), row])
      }
      after = page.at(-1)
      if (!after || page.length < PAGE) return byTurn
    }
  }

  async #page(scope: string, after: Position | undefined): Promise<StoredRecord[]> {
    const position = after && { order: after.order, id: after.id }
    return await this.#records.scroll('timeline', scope, {
      limit: PAGE,
      after: position,
      direction: 'descending',
    })
  }

  async #storedTurns(scope: string, conversationId: string): Promise<StoredTurn[]> {
    const stored: StoredTurn[] = []
    for await (const record of scrollAll(this.#records, 'turns', scope)) {
      const { id, conversation_id, turn, memory_ids, revision, created_at, updated_at } = readTurn(record)
      if (conversation_id !== conversationId || turn === null) continue
      stored.push({ id, conversation_id, turn, memory_ids, revision, created_at, updated_at })
    }
    return stored
  }

  /** Reads each memory once. */
  #memoryFinder(scope: string): (id: string) => Promise<Memory | undefined> {
    const found = new Map<string, Promise<Memory | undefined>>()
    return (id) => {
      const memory = found.get(id) ?? getMemory(this.#records, scope, id).then((held) => held?.memory)
      found.set(id, memory)
      return memory
    }
  }
}

/** A record that marks a conversation as having rows, so that all rows of a user can be found. */
function marker({ scope, conversationId }: KeyedRow): Write {
  const put = { id: markerId(conversationId), order: 0, payload: { conversation_id: conversationId } }
  return { put, collection: 'timeline', scope }
}

function removal(id: string, scope: string): Write {
  return { remove: id, collection: 'timeline', scope }
}
