import { randomUUID } from 'node:crypto'
import { AppError } from '../errors.ts'
import { KeyedLock } from '../keyed-lock.ts'
import type { Embedder } from '../ports/embedder.ts'
import type { JsonObject, Position, RecordStore, Write } from '../ports/records.ts'
import { type Narrowing, type Scope, scopeKey } from '../scope.ts'
import { type Candidate, candidatesOf } from './candidates.ts'
import type { Predicate } from './filters.ts'
import type { Memory, Source } from './memory.ts'
import {
  type Conversation,
  callRecordId,
  conversationRecordId,
  type Message,
  type Remember,
  readTurn,
  type Turn,
  toPayload,
  turnRecordId,
} from './turns.ts'

export interface AddRequest extends Narrowing {
  messages: readonly Message[]
  turn?: number | undefined
  metadata?: JsonObject | undefined
  remember?: Remember | undefined
  /** Two calls with one key are one call: without a turn number the second gets the number of the first. */
  idempotencyKey?: string | undefined
}

export interface MemoryEvent {
  /** `NOOP`: said before, and known from now on to have been said here too. */
  event: 'ADD' | 'NOOP' | 'DELETE'
  id: string
  memory: string
}

export interface AddResult {
  turnId: string
  turn: number | null
  events: MemoryEvent[]
}

/** What changed in a scope, told after it is durable. */
export interface ScopeChange {
  scope: string
  upserted: readonly IndexedChange[]
  removed: readonly string[]
}

export interface IndexedChange {
  memory: Memory
  dense: Float32Array
}

export interface EngineOptions {
  records: RecordStore
  embedder: Embedder
  /** Called in the order of the commits of a scope. */
  onChange: (change: ScopeChange) => void
  now?: () => number
}

/** Most sources kept for one memory; of what was said more often, the first and the latest are known. */
const MAX_SOURCES = 32

/** Memories that are looked at, at the most, to fill one page of a narrowed list. */
const LIST_SCAN = 1000

/** The writing side of memory: one writer per scope, and a turn is stored whole or not at all. */
export class MemoryEngine {
  readonly #records: RecordStore
  readonly #embedder: Embedder
  readonly #onChange: (change: ScopeChange) => void
  readonly #now: () => number
  readonly #lock = new KeyedLock()

  constructor({ records, embedder, onChange, now = Date.now }: EngineOptions) {
    this.#records = records
    this.#embedder = embedder
    this.#onChange = onChange
    this.#now = now
  }

  /**
   * Remembers one turn. Posting a turn (conversation and number) again replaces what it said before: a regenerated
   * answer leaves no trace of the first.
   */
  async add(scope: Scope, request: AddRequest): Promise<AddResult> {
    const key = scopeKey(scope)
    return await this.#lock.run(key, () => this.#add(key, request))
  }

  async get(scope: Scope, id: string): Promise<Memory> {
    const memory = await this.#find(scopeKey(scope), id)
    if (!memory) throw notFound(id)
    return memory
  }

  /** Removes one memory for good; the turns that it came from do not bring it back when they are posted again. */
  async remove(scope: Scope, id: string): Promise<Memory> {
    const key = scopeKey(scope)
    return await this.#lock.run(key, async () => {
      const memory = await this.#find(key, id)
      if (!memory) throw notFound(id)
      const writes: Write[] = [{ remove: id, collection: 'memories', scope: key }]
      for (const turnId of new Set(memory.sources.map((source) => source.turn_id))) {
        const turn = await readTurn(this.#records, key, turnId)
        if (!turn) continue
        turn.memory_ids = turn.memory_ids.filter((one) => one !== id)
        turn.removed_ids = [...new Set([...turn.removed_ids, id])]
        writes.push(putTurn(key, turn))
      }
      await this.#records.commit(writes)
      this.#onChange({ scope: key, upserted: [], removed: [id] })
      return memory
    })
  }

  /** A page of the memories that `accept` lets through, and where the next one begins. */
  async list(
    scope: Scope,
    options: {
      limit: number
      accept: Predicate
      after?: Position | undefined
      direction?: 'ascending' | 'descending' | undefined
    },
  ): Promise<{ memories: Memory[]; next: Position | null }> {
    const { limit, accept, direction } = options
    const memories: Memory[] = []
    let after = options.after
    let scanned = 0
    for (;;) {
      const page = await this.#records.scroll('memories', scopeKey(scope), {
        limit: LIST_SCAN,
        after,
        direction,
      })
      for (const record of page) {
        if (memories.length === limit) return { memories, next: after ?? null }
        after = { order: record.order, id: record.id }
        scanned += 1
        const memory = record.payload as unknown as Memory
        if (accept(memory)) memories.push(memory)
      }
      if (page.length < LIST_SCAN) return { memories, next: null }
      // A narrow filter over a large scope: hand back what was found, with the place to go on from.
      if (scanned >= 10 * LIST_SCAN) return { memories, next: after ?? null }
    }
  }

  /** Resolves when the writes under way have ended. */
  async drained(): Promise<void> {
    await this.#lock.drained()
  }

  async #add(scope: string, request: AddRequest): Promise<AddResult> {
    const now = this.#now()
    const place = await this.#place(scope, request)
    const previous = await readTurn(this.#records, scope, place.id)
    const candidates = await this.#candidates(scope, place, request, now)
    const removedIds = new Set(previous?.removed_ids)

    const wanted: Candidate[] = []
    const events: MemoryEvent[] = []
    const changed: Memory[] = []
    for (const [i, candidate] of candidates.entries()) {
      if (removedIds.has(candidate.id)) continue
      const known = await this.#find(scope, candidate.id)
      if (!known && previous?.memory_ids.includes(candidate.id)) {
        // Deleted while this turn was not among the sources that are kept, so the deletion did not reach it.
        removedIds.add(candidate.id)
        continue
      }
      wanted.push(candidate)
      const said = toMemory(candidate, request, now, i)
      const memory = known ? saidAgain(known, said) : said
      changed.push(memory)
      events.push({ event: known ? 'NOOP' : 'ADD', id: memory.id, memory: memory.text })
    }
    const writes: Write[] = [...place.writes]
    const removed: string[] = []
    for (const id of previous?.memory_ids ?? []) {
      if (wanted.some((candidate) => candidate.id === id)) continue
      const memory = await this.#find(scope, id)
      if (!memory) continue
      const left = memory.sources.filter((source) => source.turn_id !== place.id)
      if (left.length > 0) {
        changed.push({ ...memory, sources: left, updated_at: now })
      } else {
        removed.push(id)
        writes.push({ remove: id, collection: 'memories', scope })
        events.push({ event: 'DELETE', id, memory: memory.text })
      }
    }
    const vectors = await this.#embed(changed)
    const upserted = changed.map((memory, i) => ({ memory, dense: vectors[i] as Float32Array }))
    for (const { memory, dense } of upserted) {
      const put = { id: memory.id, order: memory.order, payload: toPayload(memory), dense }
      writes.push({ put, collection: 'memories', scope })
    }
    writes.push(
      putTurn(scope, {
        id: place.id,
        conversation_id: request.conversationId ?? null,
        turn: place.turn,
        messages: [...request.messages],
        remember: request.remember ?? 'both',
        memory_ids: wanted.map((candidate) => candidate.id),
        removed_ids: [...removedIds],
        created_at: previous?.created_at ?? now,
        updated_at: now,
      }),
    )
    await this.#records.commit(writes)
    if (upserted.length > 0 || removed.length > 0) this.#onChange({ scope, upserted, removed })
    return { turnId: place.id, turn: place.turn, events }
  }

  /** Which turn a call is, and what must be written so that the next call knows. */
  async #place(
    scope: string,
    request: AddRequest,
  ): Promise<{ id: string; turn: number | null; writes: Write[] }> {
    const { conversationId, idempotencyKey } = request
    if (conversationId === undefined) {
      const id = idempotencyKey === undefined ? randomUUID() : callRecordId(null, idempotencyKey)
      return { id, turn: null, writes: [] }
    }
    const now = this.#now()
    const recordId = conversationRecordId(conversationId)
    const record = await this.#records.get('conversations', scope, recordId)
    const last = record ? (record.payload as unknown as Conversation).last_turn : 0
    const writes: Write[] = []
    let turn = request.turn
    if (turn === undefined && idempotencyKey !== undefined) {
      const callId = callRecordId(conversationId, idempotencyKey)
      const call = await this.#records.get('calls', scope, callId)
      turn = call ? (call.payload['turn'] as number) : last + 1
      writes.push({ put: { id: callId, order: now * 1000, payload: { turn } }, collection: 'calls', scope })
    }
    turn ??= last + 1
    if (turn > last) {
      const conversation: Conversation = { last_turn: turn }
      writes.push({
        put: { id: recordId, order: record?.order ?? now * 1000, payload: toPayload(conversation) },
        collection: 'conversations',
        scope,
      })
    }
    return { id: turnRecordId(conversationId, turn), turn, writes }
  }

  async #candidates(
    scope: string,
    place: { id: string; turn: number | null },
    request: AddRequest,
    now: number,
  ): Promise<Candidate[]> {
    const { conversationId, agentId, runId } = request
    const before =
      conversationId !== undefined && place.turn !== null && place.turn > 1
        ? await readTurn(this.#records, scope, turnRecordId(conversationId, place.turn - 1))
        : undefined
    return candidatesOf(request.messages, {
      identity: [scope, agentId ?? '', runId ?? ''],
      remember: request.remember ?? 'both',
      saidBefore: before?.messages.at(-1)?.content ?? null,
      source: { turn_id: place.id, conversation_id: conversationId ?? null, turn: place.turn },
      now,
    })
  }

  async #find(scope: string, id: string): Promise<Memory | undefined> {
    const record = await this.#records.get('memories', scope, id)
    return record && (record.payload as unknown as Memory)
  }

  async #embed(memories: readonly Memory[]): Promise<Float32Array[]> {
    if (memories.length === 0) return []
    return await this.#embedder.embed(
      memories.map((memory) => memory.text),
      'document',
    )
  }
}

function toMemory(candidate: Candidate, request: AddRequest, now: number, nth: number): Memory {
  const { id, text, role, speaker, context, source } = candidate
  return {
    id,
    text,
    role,
    speaker,
    agent_id: request.agentId ?? null,
    run_id: request.runId ?? null,
    app_id: request.appId ?? null,
    metadata: request.metadata ?? {},
    kind: 'verbatim',
    context,
    sources: [source],
    order: now * 1000 + Math.min(nth, 999),
    created_at: now,
    updated_at: now,
  }
}

/** A known memory with one more source; what its only turn says anew is as that turn has it now. */
function saidAgain(known: Memory, said: Memory): Memory {
  const [source] = said.sources as [Source]
  const others = known.sources.filter(({ turn_id }) => turn_id !== source.turn_id)
  if (others.length === 0) return { ...said, order: known.order, created_at: known.created_at }
  const sources = [...others, source].sort((a, b) => a.at - b.at)
  if (sources.length > MAX_SOURCES) sources.splice(1, sources.length - MAX_SOURCES)
  return { ...known, sources, updated_at: said.updated_at }
}

function putTurn(scope: string, turn: Turn): Write {
  const put = { id: turn.id, order: turn.created_at * 1000, payload: toPayload(turn) }
  return { put, collection: 'turns', scope }
}

function notFound(id: string): AppError {
  return new AppError('not_found', `id: no memory ${JSON.stringify(id)} of this user`)
}
