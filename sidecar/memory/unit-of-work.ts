import type { Embedder } from '../ports/embedder.ts'
import type { Account } from '../ports/language-model.ts'
import type { RecordStore, Write } from '../ports/records.ts'
import { sparseOfAll } from '../text/sparse.ts'
import { type Actor, type Cause, historyWrite, madeBy, type PastVersion, versionRecordId } from './history.ts'
import type { Memory } from './memory.ts'
import { toMemoryRecord } from './stored-memory.ts'
import { toPayload } from './turns.ts'

/** A memory with its embedding; `undefined` until a new text has been embedded. */
export interface Held {
  memory: Memory
  dense: Float32Array | undefined
}

/** An ended version with its embedding. */
export interface HeldPast {
  past: PastVersion
  dense: Float32Array | undefined
}

/** What a commit changed in a scope; published once it is durable. */
export interface ScopeChange {
  scope: string
  upserted: readonly { memory: Memory; dense: Float32Array }[]
  removed: readonly string[]
  /**
   * Whether blocks built before are invalid: a visible memory was removed or corrected, or one became visible that the
   * window no longer shows.
   */
  fence: boolean
  /** Whether the whole scope was forgotten. */
  forgotten?: boolean
  /** Whether the commit failed but may have taken effect, so that the state of the scope is unknown. */
  unheard?: boolean
}

/** Awaited before a commit that removes or corrects something. */
export type OnFence = (scope: string) => Promise<void>

/** Fields of a memory that a revision may set. */
export type Revision = Partial<
  Pick<
    Memory,
    | 'text'
    | 'topic'
    | 'sub_topic'
    | 'importance'
    | 'event_date'
    | 'expires_at'
    | 'metadata'
    | 'kind'
    | 'sources'
    | 'valid_from'
    | 'context'
    | 'same_as'
  >
>

export interface RevisionOptions {
  event?: 'UPDATE' | 'RESTORE'
  /** Whether the previous version is taken back, as if it had never held. */
  takenBack?: boolean
  /** Embedding of the new text, if known. */
  dense?: Float32Array | undefined
}

/**
 * Collects changes of the memories of one scope and commits them atomically. Reads see earlier changes of the unit.
 * `revise` and `end` archive the replaced version and write a history row; `put` and `erase` are for changes without
 * history: added sources, and pending words.
 *
 * The caller holds the scope lock.
 */
export class UnitOfWork {
  readonly scope: string
  readonly now: number
  readonly #store: RecordStore
  readonly #held = new Map<string, Held | null>()
  /** Memories as the store held them. */
  readonly #stood = new Map<string, Memory | undefined>()
  readonly #learned = new Set<string>()
  readonly #changed = new Set<string>()
  readonly #ended = new Map<string, PastVersion | null>()
  readonly #past = new Map<string, HeldPast>()
  readonly #writes: Write[] = []
  #late = false

  constructor(store: RecordStore, scope: string, now: number) {
    this.#store = store
    this.scope = scope
    this.now = now
  }

  async find(id: string): Promise<Held | undefined> {
    const held = this.#held.get(id)
    if (held !== undefined) return held ?? undefined
    const record = await this.#store.get('memories', this.scope, id)
    const found = record ? { memory: record.payload as unknown as Memory, dense: record.dense } : null
    this.#held.set(id, found)
    this.#stood.set(id, found?.memory)
    return found ?? undefined
  }

  /** The last version of an ended memory; `undefined` for an unknown or current one. */
  async findEnded(id: string): Promise<PastVersion | undefined> {
    const ended = this.#ended.get(id)
    if (ended !== undefined) return ended ?? undefined
    const record = await this.#store.get('versions', this.scope, id)
    return record && (record.payload as unknown as PastVersion)
  }

  /** A past version of a memory. */
  async findPast(id: string, version: number): Promise<HeldPast | undefined> {
    const recordId = versionRecordId(id, version)
    const known = this.#past.get(recordId)
    if (known) return known
    const record = await this.#store.get('versions', this.scope, recordId)
    return record && { past: record.payload as unknown as PastVersion, dense: record.dense }
  }

  /** Who made a version, if it was committed before this unit; `undefined` for an unknown version. */
  async madeBy(id: string, version: number): Promise<Actor | undefined> {
    return await madeBy(this.#store, this.scope, id, version)
  }

  /** Who ended a memory with a version. */
  async endedBy(id: string, version: number): Promise<Actor | undefined> {
    return await madeBy(this.#store, this.scope, id, version, ['DELETE'])
  }

  /** Adds writes to the same commit. */
  also(...writes: readonly Write[]): void {
    this.#writes.push(...writes)
  }

  /** Stores a memory without history. */
  put(memory: Memory, dense?: Float32Array): void {
    this.#held.set(memory.id, { memory, dense })
    this.#changed.add(memory.id)
  }

  /** Removes a memory without history. */
  erase(id: string): void {
    this.#held.set(id, null)
    this.#changed.add(id)
  }

  /** Removes pending words that learned memories replace; nothing is taken back by it. */
  replaceWords(id: string): void {
    this.erase(id)
    this.#learned.add(id)
  }

  /** The added memories come from words that could not be recalled before, in turns that may have left every window. */
  comesLate(): void {
    this.#late = true
  }

  /** Stores a past version. */
  putPast(past: PastVersion, dense: Float32Array | undefined): void {
    this.#past.set(versionRecordId(past.memory.id, past.memory.version), { past, dense })
  }

  /** Adds a memory; an ended one is restored as its next version. */
  async add(memory: Memory, cause: Cause): Promise<Memory> {
    const ended = await this.findEnded(memory.id)
    const added = ended ? { ...memory, version: ended.memory.version + 1 } : memory
    this.put(added)
    if (ended) this.#setEnded(memory.id, null)
    this.#note(ended ? 'RESTORE' : 'ADD', added.version, added.id, null, added.text, cause)
    return added
  }

  /** Replaces a current memory by its next version; the previous one held until the new one begins. */
  async revise(
    id: string,
    revision: Revision,
    cause: Cause,
    { event = 'UPDATE', takenBack = false, dense }: RevisionOptions = {},
  ): Promise<Memory> {
    const held = (await this.find(id)) as Held
    const { memory: before } = held
    const version = before.version + 1
    const after: Memory = { ...before, same_as: undefined, ...revision, version, updated_at: this.now }
    this.#archive(held, Math.max(before.valid_from, after.valid_from), false, takenBack)
    this.put(after, after.text === before.text ? held.dense : dense)
    this.#note(event, after.version, id, before.text, after.text, cause)
    return after
  }

  /** Ends a current memory. @param takenBack as if it had never held */
  async end(id: string, validUntil: number, cause: Cause, takenBack = false): Promise<Memory> {
    const held = (await this.find(id)) as Held
    const { memory } = held
    this.#setEnded(id, this.#archive(held, Math.max(memory.valid_from, validUntil), true, takenBack))
    this.erase(id)
    this.#note('DELETE', memory.version, id, memory.text, null, cause)
    return memory
  }

  /** Embeds new texts, commits everything, and returns what changed. */
  async commit(embedder: Embedder, account: Account, onFence: OnFence): Promise<ScopeChange> {
    await this.#embed(embedder, account)
    const changed = [...this.#changed]
    const upserted = changed.flatMap((id) => (this.#held.get(id) as ScopeChange['upserted'][number]) ?? [])
    const removed = changed.filter((id) => !this.#held.get(id))
    const sparse = await sparseOfAll(upserted.map(({ memory }) => memory))
    const writes = [...this.#writes]
    const { scope } = this
    for (const id of removed) writes.push({ remove: id, collection: 'memories', scope })
    for (const [i, { memory, dense }] of upserted.entries()) {
      writes.push({ put: toMemoryRecord(memory, dense, sparse[i]), collection: 'memories', scope })
    }
    for (const [id, { past, dense }] of this.#past) {
      const put = { id, order: past.memory.order, payload: toPayload(past), dense }
      writes.push({ put, collection: 'versions', scope })
    }
    const fence = this.#late || this.#overtakesWords() || [...this.#changed].some((id) => this.#isFence(id))
    if (fence) await onFence(scope)
    await this.#store.commit(writes)
    return { scope, upserted, removed, fence }
  }

  /** Whether pending words may have been recalled that no memory states now: a known memory or a later fact overtook them. */
  #overtakesWords(): boolean {
    if (this.#learned.size === 0) return false
    const stood = [...this.#changed].some((id) => !this.#learned.has(id) && this.#stood.get(id) !== undefined)
    return stood || this.#past.size > 0
  }

  /** Whether a reader may have seen a state of the memory that no longer holds. */
  #isFence(id: string): boolean {
    const after = this.#held.get(id)?.memory
    const before = this.#stood.get(id)
    if (!after) return !this.#learned.has(id) && (before !== undefined || !this.#stood.has(id))
    // A restored memory comes from turns that may have left every window.
    return before === undefined ? after.version > 1 : !saysTheSame(before, after)
  }

  /** Includes past versions: a memory that is added and ended in one unit can be searched with `as_of`. */
  async #embed(embedder: Embedder, account: Account): Promise<void> {
    const current = [...this.#changed].flatMap((id) => this.#held.get(id) ?? [])
    const missing = [
      ...current.filter(({ dense }) => !dense).map((held) => ({ held, text: held.memory.text })),
      ...[...this.#past.values()]
        .filter(({ dense }) => !dense)
        .map((held) => ({ held, text: held.past.memory.text })),
    ]
    if (missing.length === 0) return
    const texts = missing.map(({ text }) => text)
    const vectors = await embedder.embed(texts, 'document', undefined, account)
    for (const [i, { held }] of missing.entries()) held.dense = vectors[i]
  }

  #archive({ memory, dense }: Held, until: number, ended: boolean, takenBack: boolean): PastVersion {
    const past: PastVersion = takenBack
      ? { memory: { ...memory, taken_back: true }, valid_until: memory.valid_from, ended }
      : { memory, valid_until: until, ended }
    this.putPast(past, dense)
    return past
  }

  /** The `versions` record under a memory's own id states that the memory ended, and with which version. */
  #setEnded(id: string, past: PastVersion | null): void {
    this.#ended.set(id, past)
    const { scope } = this
    if (past) {
      const put = { id, order: past.memory.order, payload: toPayload(past) }
      this.also({ put, collection: 'versions', scope })
    } else this.also({ remove: id, collection: 'versions', scope })
  }

  #note(
    event: 'ADD' | 'UPDATE' | 'DELETE' | 'RESTORE',
    version: number,
    memory_id: string,
    before: string | null,
    after: string | null,
    cause: Cause,
  ): void {
    this.also(historyWrite(this.scope, { memory_id, event, at: this.now, version, before, after }, cause))
  }
}

function saysTheSame(before: Memory, after: Memory): boolean {
  const untilOf = ({ expires_at }: Memory) => expires_at ?? Number.POSITIVE_INFINITY
  return (
    before.version === after.version &&
    before.text === after.text &&
    before.role === after.role &&
    untilOf(after) >= untilOf(before)
  )
}
