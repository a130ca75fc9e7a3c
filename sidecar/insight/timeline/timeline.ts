import { LRUCache } from 'lru-cache'
import { type Scope, scopeKey } from '../../memory/model/scope.ts'
import { getMemory } from '../../memory/repositories/memories.ts'
import { scrollTurns } from '../../memory/repositories/turns.ts'
import { type Position, type RecordStore, scrollAll } from '../../ports/records.ts'
import type { Answered } from '../../retrieval/strategies/strategies.ts'
import { boundedTo } from '../../text/lru.ts'
import { type BufferOptions, WriteBehind } from '../write-behind.ts'
import { type FindMemory, type StoredTurn, uncoveredTurns } from './coverage.ts'
import { readErasures, recordErasure } from './erasures.ts'
import {
  type KeyedRow,
  markerId,
  recordId,
  rowsScope,
  type TimelineRow,
  timelineRows,
  toKeyedRow,
  toMarker,
  toWrite,
} from './rows.ts'

export interface TimelineOptions extends BufferOptions {
  records: RecordStore
  /** Epoch milliseconds. */
  now: () => number
  /** Rows kept per conversation, those of the latest turns. @default 1000 */
  maxRows?: number
}

export interface TimelineRecall extends TimelineRow {
  /** Turns that the recall missed, see `uncoveredTurns`. */
  uncovered: number[]
}

export interface TimelineTurn {
  turn: number
  /** Epoch milliseconds; `null` for a turn that was recalled but never added. */
  addedAt: number | null
  /** As stored; empty for a turn that was never added. */
  messages: StoredTurn['messages']
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
const LATEST_FIRST = { direction: 'descending' } as const
/** A conversation is trimmed to `maxRows` after this many written rows. */
const TRIM_INTERVAL = 100
/** Conversations whose written rows this process counts. */
const MAX_COUNTED = 10_000

/** Records the recalls of each turn of a conversation, written in batches in the background. */
export class Timeline {
  readonly #records: RecordStore
  readonly #now: () => number
  readonly #maxRows: number
  readonly #buffer: WriteBehind<KeyedRow>
  /** Rows written since the last trim, by scope of the rows. */
  readonly #written = new LRUCache<string, number>(boundedTo(MAX_COUNTED))

  constructor({ records, now, maxRows = 1000, ...options }: TimelineOptions) {
    this.#records = records
    this.#now = now
    this.#maxRows = maxRows
    this.#buffer = new WriteBehind((rows) => this.#write(rows), options)
  }

  /** Buffers a row. Never throws: a lost row must not fail a recall. */
  readonly record = (answered: Answered): void => {
    this.#buffer.add(() => toKeyedRow(answered))
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
    const added = new Map(stored.map((one) => [one.turn, one]))
    const numbers = [...new Set([...added.keys(), ...rowsByTurn.keys()])]
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
      const { created_at: addedAt = null, messages = [] } = added.get(turn) ?? {}
      turns.push({ turn, addedAt, messages, recalls })
    }
    return { turns, next: numbers.length > limit ? (page.at(-1) as number) : null }
  }

  /** Erases the rows of a user and returns their number. */
  async forget(scope: Scope): Promise<number> {
    const key = scopeKey(scope)
    await this.flush()
    await recordErasure(this.#records, key, this.#now())
    this.#buffer.update((row) => (row.scope === key ? undefined : row))
    // Waits for a write that started after the first flush.
    await this.flush()
    let count = 0
    for await (const { id: marker } of scrollAll(this.#records, 'timeline', key)) {
      const rows = `${key}/${marker}`
      count += await this.#eraseAfter(rows)
      await this.#records.commit([timelineRows.remove(key, marker)])
      this.#written.delete(rows)
    }
    return count
  }

  /** Erases the rows of one conversation. */
  async forgetConversation(scope: Scope, conversationId: string): Promise<void> {
    const key = scopeKey(scope)
    await this.flush()
    const rows = rowsScope(key, conversationId)
    await this.#eraseAfter(rows)
    await this.#records.commit([timelineRows.remove(key, markerId(conversationId))])
    this.#written.delete(rows)
  }

  /** Tries once to write the pending rows. Later rows are ignored. */
  async close(): Promise<void> {
    await this.#buffer.close()
  }

  async #write(rows: readonly KeyedRow[]): Promise<void> {
    const byConversation = Map.groupBy(rows, (row) => rowsScope(row.scope, row.conversationId))
    const markers = [...byConversation.values()].map(([first]) => toMarker(first as KeyedRow))
    await this.#records.commit([...rows.map(toWrite), ...markers])
    for (const [scope, { length }] of byConversation) await this.#trim(scope, length)
    await this.#deleteErased(byConversation)
  }

  /** Deletes rows just written of users whom another process erased meanwhile. */
  async #deleteErased(byConversation: ReadonlyMap<string, readonly KeyedRow[]>): Promise<void> {
    const erasedAt = await readErasures(this.#records)
    for (const [rowsOf, rows] of byConversation) {
      const first = rows[0] as KeyedRow
      const time = erasedAt(first.scope)
      if (time === undefined) continue
      const erased = rows.filter(({ row }) => row.at <= time)
      await this.#records.commit(erased.map((keyed) => timelineRows.remove(rowsOf, recordId(keyed))))
      // The erasure may have removed the marker of newer rows.
      const isEmpty = (await this.#records.scroll('timeline', rowsOf, { limit: 1 })).length === 0
      const { scope, conversationId } = first
      await this.#records.commit([
        isEmpty ? timelineRows.remove(scope, markerId(conversationId)) : toMarker(first),
      ])
    }
  }

  async #trim(scope: string, written: number): Promise<void> {
    // The first write of this process trims as well, because earlier processes may have left more rows.
    const count = (this.#written.get(scope) ?? TRIM_INTERVAL) + written
    this.#written.set(scope, count >= TRIM_INTERVAL ? 0 : count)
    if (count < TRIM_INTERVAL) return
    const kept = await this.#records.scroll('timeline', scope, { limit: this.#maxRows, ...LATEST_FIRST })
    const last = kept.at(-1)
    if (last && kept.length === this.#maxRows)
      await this.#eraseAfter(scope, { order: last.order, id: last.id })
  }

  /** Erases the rows after a position in descending order; without a position, all rows. Returns their number. */
  async #eraseAfter(scope: string, after?: Position): Promise<number> {
    let count = 0
    for (;;) {
      const page = await this.#records.scroll('timeline', scope, { limit: PAGE, after, ...LATEST_FIRST })
      if (page.length === 0) return count
      await this.#records.commit(page.map(({ id }) => timelineRows.remove(scope, id)))
      count += page.length
    }
  }

  /** Reads the rows of the latest `limit` turns, and of one more turn if there is one. */
  async #rowsByTurn(scope: string, { limit, before }: PageOptions): Promise<Map<number, TimelineRow[]>> {
    const byTurn = new Map<number, TimelineRow[]>()
    const after = before === undefined ? undefined : { order: before, id: '' }
    for await (const record of scrollAll(this.#records, 'timeline', scope, { after, ...LATEST_FIRST })) {
      const row = timelineRows.read(record)
      if (!byTurn.has(row.turn) && byTurn.size > limit) break
      byTurn.set(row.turn, [...(byTurn.get(row.turn) ?? []), row])
    }
    return byTurn
  }

  async #storedTurns(scope: string, conversationId: string): Promise<StoredTurn[]> {
    const stored: StoredTurn[] = []
    for await (const { turn, ...rest } of scrollTurns(this.#records, scope)) {
      if (rest.conversation_id === conversationId && turn !== null) stored.push({ ...rest, turn })
    }
    return stored
  }

  /** Reads each memory once. */
  #memoryFinder(scope: string): FindMemory {
    const found = new Map<string, ReturnType<FindMemory>>()
    return (id) => {
      const memory = found.get(id) ?? getMemory(this.#records, scope, id).then((held) => held?.memory)
      found.set(id, memory)
      return memory
    }
  }
}
