import type { Embedder } from '../../ports/embedder.ts'
import { type Account, ModelUnavailable } from '../../ports/language-model.ts'
import type { RecordStore, SearchEntry, Write } from '../../ports/records.ts'
import { searchedText } from '../../text/verbatim/answers.ts'
import { type Cause, type HistoryEvent, type PastVersion, versionRecordId } from '../model/history.ts'
import type { Content, Memory } from '../model/memory.ts'
import { putHistory } from '../repositories/history.ts'
import { getMemory, type Held, putMemory, removeMemory } from '../repositories/memories.ts'
import { putUnembeddedNote } from '../repositories/unembedded.ts'
import {
  getEnded,
  getPastVersion,
  type HeldPast,
  putEndMarker,
  putPastVersion,
  removeEndMarker,
} from '../repositories/versions.ts'
import { searchEntriesOf } from '../search/entry.ts'
import { openReadAhead, type Read } from './read-ahead.ts'

/** A committed change of the memories of a scope. */
export interface ScopeChange {
  scope: string
  upserted: readonly { memory: Memory; dense: Float32Array }[]
  removed: readonly string[]
  /** Whether blocks that were built before the change are invalid: it removed, corrected or restored content. */
  fence: boolean
  /** The turn that got its answer after its message. Blocks that include the message alone are invalid. */
  completes?: TurnOfConversation | undefined
  /** Everything of the scope was erased. */
  forgotten?: boolean
}

export interface TurnOfConversation {
  conversation: string
  turn: number
}

/** Awaited before a commit that removes or corrects content. */
export type OnFence = (scope: string) => Promise<void>

/** Fields of a memory that a revision may set. */
export type Revision = Partial<
  Content & Pick<Memory, 'metadata' | 'kind' | 'sources' | 'valid_from' | 'context' | 'same_as'>
>

export interface RevisionOptions {
  event?: 'UPDATE' | 'RESTORE'
  /** Archives the previous version as one that was never valid. */
  takenBack?: boolean
  /** Embedding of the new text, where it is known. */
  dense?: Float32Array | undefined
}

/**
 * Collects changes of one scope and commits them atomically; its reads see them. The caller holds the scope's lock.
 * `put` and `erase` archive no version and write no history: they are for added sources and pending memories.
 */
export class UnitOfWork {
  readonly scope: string
  readonly now: number
  readonly records: RecordStore
  /** What embedding calls are accounted to. */
  account: Account
  /** Attempts to embed the records that the task changes, this one included. */
  embeddingAttempts = 0
  /** Why the embedder could not be asked; its texts were stored without a vector. */
  embeddingError: ModelUnavailable | undefined
  #unembedded = 0
  readonly #held = new Map<string, Held | null>()
  /** The memories as they were read from the store. */
  readonly #stored = new Map<string, Memory | undefined>()
  /** Pending memories that extraction replaces. */
  readonly #replaced = new Set<string>()
  readonly #changed = new Set<string>()
  readonly #ended = new Map<string, PastVersion | null>()
  readonly #past = new Map<string, HeldPast>()
  readonly #writes: Write[] = []
  readonly #readAhead: ReturnType<typeof openReadAhead>
  #needsFence = false
  #isOutOfOrder = false
  #completes: TurnOfConversation | undefined

  constructor(records: RecordStore, scope: string, now: number) {
    this.#readAhead = openReadAhead(records, scope)
    this.records = this.#readAhead.view
    this.scope = scope
    this.account = { scope }
    this.now = now
  }

  /** Reads records that the change will need with one request, where a store is slow to answer each of them. */
  async prefetch(reads: () => Promise<readonly Read[]> | readonly Read[]): Promise<void> {
    if (this.records.getMany) await this.#readAhead.load(await reads())
  }

  async find(id: string): Promise<Held | undefined> {
    const held = this.#held.get(id)
    if (held !== undefined) return held ?? undefined
    const stored = await getMemory(this.records, this.scope, id)
    this.#held.set(id, stored ?? null)
    this.#stored.set(id, stored?.memory)
    return stored
  }

  /** The last version of a memory that has ended; `undefined` for a current or unknown memory. */
  async findEnded(id: string): Promise<PastVersion | undefined> {
    const ended = this.#ended.get(id)
    return ended === undefined ? await getEnded(this.records, this.scope, id) : (ended ?? undefined)
  }

  async findPast(id: string, version: number): Promise<HeldPast | undefined> {
    const key = versionRecordId(id, version)
    return this.#past.get(key) ?? (await getPastVersion(this.records, this.scope, id, version))
  }

  /** Adds other writes to the commit. */
  addWrites(...writes: readonly Write[]): void {
    this.#writes.push(...writes)
  }

  put(memory: Memory, dense?: Float32Array): void {
    this.#held.set(memory.id, { memory, dense })
    this.#changed.add(memory.id)
  }

  /** Removes a memory without an archived version and without history. */
  erase(id: string): void {
    this.#held.set(id, null)
    this.#changed.add(id)
  }

  /** Removes a pending memory whose content the extracted memories carry on. */
  replacePending(id: string): void {
    this.erase(id)
    this.#replaced.add(id)
  }

  /** Invalidates earlier blocks: the change adds content of turns that may have left the chat window. */
  requireFence(): void {
    this.#needsFence = true
  }

  /** Reports a fence, but only after the commit: the turn is not the latest of its conversation. */
  markOutOfOrder(): void {
    this.#isOutOfOrder = true
  }

  /** Reports that the answer to a stored message is added. */
  markCompleted(turn: TurnOfConversation): void {
    this.#completes = turn
  }

  putPast(past: PastVersion, dense: Float32Array | undefined): void {
    this.#past.set(versionRecordId(past.memory.id, past.memory.version), { past, dense })
  }

  /** Adds a memory; one that has ended continues with its next version. */
  async add(memory: Memory, cause: Cause): Promise<Memory> {
    const ended = await this.findEnded(memory.id)
    const added = ended ? { ...memory, version: ended.memory.version + 1 } : memory
    this.put(added)
    if (ended) {
      this.#ended.set(memory.id, null)
      this.addWrites(removeEndMarker(this.scope, memory.id))
    }
    this.#record(ended ? 'RESTORE' : 'ADD', added, null, added.text, cause)
    return added
  }

  /** Makes the next version of a current memory and archives the version before. */
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
    this.put(after, searchedText(after) === searchedText(before) ? held.dense : dense)
    this.#record(event, after, before.text, after.text, cause)
    return after
  }

  /** Ends a current memory; with `takenBack` its last version counts as never valid. */
  async end(id: string, validUntil: number, cause: Cause, takenBack = false): Promise<Memory> {
    const held = (await this.find(id)) as Held
    const { memory } = held
    const past = this.#archive(held, Math.max(memory.valid_from, validUntil), true, takenBack)
    if (cause.actor === 'api') past.deleted_by_hand = true
    this.#ended.set(id, past)
    this.addWrites(putEndMarker(this.scope, past))
    this.erase(id)
    this.#record('DELETE', memory, memory.text, null, cause)
    return memory
  }

  /** What is missing in the commit: `embedding`, where texts have no vector yet. */
  get degraded(): string[] {
    return this.#unembedded > 0 ? ['embedding'] : []
  }

  /** The vectors of texts. A text that cannot be embedded now gets the zero vector, and is embedded later. */
  async embedTexts(embedder: Embedder, texts: readonly string[]): Promise<Float32Array[]> {
    let vectors: (Float32Array | undefined)[] = []
    try {
      if (texts.length > 0) vectors = await embedder.embed(texts, 'document', undefined, this.account)
    } catch (error) {
      if (!(error instanceof ModelUnavailable)) throw error
      this.embeddingError = error
    }
    return texts.map((_, i) => {
      const vector = vectors[i]
      if (vector !== undefined && vector.length > 0) return vector
      this.#unembedded += 1
      return new Float32Array(embedder.dimensions)
    })
  }

  /** Embeds new texts, commits all writes atomically and answers the change. */
  async commit(embedder: Embedder, onFence: OnFence): Promise<ScopeChange> {
    await this.#embed(embedder)
    const changed = [...this.#changed]
    const upserted = changed.flatMap((id) => (this.#held.get(id) as ScopeChange['upserted'][number]) ?? [])
    const removed = changed.filter((id) => !this.#held.get(id))
    const writes = [...this.#writes]
    const { scope } = this
    if (this.#unembedded > 0) writes.push(putUnembeddedNote(this, this.now))
    for (const id of removed) writes.push(removeMemory(scope, id))
    const entries = await searchEntriesOf(upserted.map(({ memory }) => memory))
    for (const [i, { memory, dense }] of upserted.entries()) {
      writes.push(putMemory(scope, memory, { dense, search: entries[i] as SearchEntry }))
    }
    for (const { past, dense } of this.#past.values()) writes.push(putPastVersion(scope, past, dense))
    const fence = this.#needsFence || this.#mayDropContent() || changed.some((id) => this.#isFence(id))
    if (fence) await onFence(scope)
    if (writes.length > 0) await this.records.commit(writes)
    return { scope, upserted, removed, fence: fence || this.#isOutOfOrder, completes: this.#completes }
  }

  /** Whether content of replaced pending memories may be superseded: not if every change is a new memory. */
  #mayDropContent(): boolean {
    if (this.#replaced.size === 0) return false
    const changesStored = [...this.#changed].some((id) => !this.#replaced.has(id) && this.#stored.get(id))
    return changesStored || this.#past.size > 0
  }

  /** Whether content of a memory that a reader may have seen is no longer valid. */
  #isFence(id: string): boolean {
    const after = this.#held.get(id)?.memory
    const before = this.#stored.get(id)
    if (!after) return !this.#replaced.has(id) && (before !== undefined || !this.#stored.has(id))
    // A restored memory comes from turns that may have left the chat window.
    return before === undefined ? after.version > 1 : !hasSameContent(before, after)
  }

  async #embed(embedder: Embedder): Promise<void> {
    const current = [...this.#changed].flatMap((id) => this.#held.get(id) ?? [])
    const missing = [
      ...current.map((held) => ({ held, memory: held.memory })),
      ...[...this.#past.values()].map((held) => ({ held, memory: held.past.memory })),
    ].filter(({ held }) => !held.dense)
    const vectors = await this.embedTexts(
      embedder,
      missing.map(({ memory }) => searchedText(memory)),
    )
    for (const [i, { held }] of missing.entries()) held.dense = vectors[i]
  }

  #archive({ memory, dense }: Held, until: number, ended: boolean, takenBack: boolean): PastVersion {
    const past: PastVersion = takenBack
      ? { memory: { ...memory, taken_back: true }, valid_until: memory.valid_from, ended }
      : { memory, valid_until: until, ended }
    this.putPast(past, dense)
    return past
  }

  #record(
    event: HistoryEvent,
    { id: memory_id, version }: Memory,
    before: string | null,
    after: string | null,
    cause: Cause,
  ): void {
    this.addWrites(putHistory(this.scope, { memory_id, event, at: this.now, version, before, after }, cause))
  }
}

function hasSameContent(before: Memory, after: Memory): boolean {
  const expiryOf = ({ expires_at }: Memory) => expires_at ?? Number.POSITIVE_INFINITY
  return (
    before.version === after.version &&
    before.text === after.text &&
    before.role === after.role &&
    expiryOf(after) >= expiryOf(before)
  )
}
