import type { Embedder } from '../ports/embedder.ts'
import type { Account } from '../ports/language-model.ts'
import type { JsonObject, RecordStore, Write } from '../ports/records.ts'
import { type Cause, historyWrite, type PastVersion, versionRecordId } from './history.ts'
import type { Memory } from './memory.ts'
import { toPayload } from './turns.ts'

/** A memory with its embedding; without one where the text is new and has yet to be embedded. */
export interface Held {
  memory: Memory
  dense: Float32Array | undefined
}

/** What changed in a scope, told after it is durable. */
export interface ScopeChange {
  scope: string
  upserted: readonly { memory: Memory; dense: Float32Array }[]
  removed: readonly string[]
}

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
  >
>

/**
 * Changes of the memories of one scope, collected and committed whole. Reads see what was changed before within the
 * unit. Every revision and end keeps the version that it replaces, and writes a row of history; `put` and `erase`
 * are for what has no history: sources that are added, and pending words.
 *
 * The caller holds the lock of the scope.
 */
export class UnitOfWork {
  readonly scope: string
  readonly now: number
  readonly #store: RecordStore
  readonly #held = new Map<string, Held | null>()
  readonly #changed = new Set<string>()
  readonly #writes: Write[] = []

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
    return found ?? undefined
  }

  /** The last version of a memory that has ended, or `undefined` for one that never was or that is current. */
  async findEnded(id: string): Promise<PastVersion | undefined> {
    const record = await this.#store.get('versions', this.scope, id)
    return record && (record.payload as unknown as PastVersion)
  }

  /** Any other write that must happen together with these. */
  also(...writes: readonly Write[]): void {
    this.#writes.push(...writes)
  }

  /** Sets a memory as it is. */
  put(memory: Memory, dense?: Float32Array): void {
    this.#held.set(memory.id, { memory, dense })
    this.#changed.add(memory.id)
  }

  /** Removes a memory without a trace. */
  erase(id: string): void {
    this.#held.set(id, null)
    this.#changed.add(id)
  }

  /** A new memory; one that ended before comes back as its next version. */
  async add(memory: Memory, cause: Cause): Promise<Memory> {
    const ended = await this.findEnded(memory.id)
    const added = ended ? { ...memory, version: ended.memory.version + 1 } : memory
    this.put(added)
    if (ended) this.also({ remove: memory.id, collection: 'versions', scope: this.scope })
    this.#note(ended ? 'RESTORE' : 'ADD', added.version, added.id, null, added.text, cause)
    return added
  }

  /**
   * The next version of a current memory.
   * @param validUntil when the version before stopped to hold; when the new one begins, if absent
   */
  async revise(
    id: string,
    revision: Revision,
    cause: Cause,
    options: { event?: 'UPDATE' | 'RESTORE'; validUntil?: number } = {},
  ): Promise<Memory> {
    const { memory: before, dense } = (await this.find(id)) as Held
    const after: Memory = { ...before, ...revision, version: before.version + 1, updated_at: this.now }
    this.#archive(before, dense, options.validUntil ?? Math.max(before.valid_from, after.valid_from), false)
    this.put(after, after.text === before.text ? dense : undefined)
    this.#note(options.event ?? 'UPDATE', after.version, id, before.text, after.text, cause)
    return after
  }

  /** A current memory holds no more. */
  async end(id: string, validUntil: number, cause: Cause): Promise<Memory> {
    const { memory, dense } = (await this.find(id)) as Held
    const until = Math.max(memory.valid_from, validUntil)
    this.#archive(memory, dense, until, true)
    this.also({
      put: { id, order: memory.order, payload: past(memory, until, true) },
      collection: 'versions',
      scope: this.scope,
    })
    this.erase(id)
    this.#note('DELETE', memory.version, id, memory.text, null, cause)
    return memory
  }

  /** Embeds what is new, writes everything at once, and answers what changed. */
  async commit(embedder: Embedder, account: Account): Promise<ScopeChange> {
    const changed = [...this.#changed].map((id) => ({ id, held: this.#held.get(id) ?? null }))
    const missing = changed.flatMap(({ held }) => (held && !held.dense ? [held] : []))
    if (missing.length > 0) {
      const texts = missing.map(({ memory }) => memory.text)
      const vectors = await embedder.embed(texts, 'document', undefined, account)
      for (const [i, held] of missing.entries()) held.dense = vectors[i]
    }
    const upserted: { memory: Memory; dense: Float32Array }[] = []
    const removed: string[] = []
    for (const { id, held } of changed) {
      if (!held) {
        removed.push(id)
        this.#writes.push({ remove: id, collection: 'memories', scope: this.scope })
        continue
      }
      const { memory, dense } = held
      upserted.push({ memory, dense: dense as Float32Array })
      const put = { id, order: memory.order, payload: toPayload(memory), dense }
      this.#writes.push({ put, collection: 'memories', scope: this.scope })
    }
    await this.#store.commit(this.#writes)
    return { scope: this.scope, upserted, removed }
  }

  #archive(memory: Memory, dense: Float32Array | undefined, validUntil: number, ended: boolean): void {
    const id = versionRecordId(memory.id, memory.version)
    const put = { id, order: memory.valid_from, payload: past(memory, validUntil, ended), dense }
    this.also({ put, collection: 'versions', scope: this.scope })
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

function past(memory: Memory, valid_until: number, ended: boolean): JsonObject {
  const version: PastVersion = { memory, valid_until, ended }
  return version as unknown as JsonObject
}
