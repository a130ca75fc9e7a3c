import { isDeepStrictEqual } from 'node:util'
import { AppError, invalid } from '../errors.ts'
import type { Embedder } from '../ports/embedder.ts'
import type { Position, RecordStore } from '../ports/records.ts'
import type { ScopeLock } from '../ports/scope-lock.ts'
import { type Scope, scopeKey } from '../scope.ts'
import { type AddContext, type AddRequest, type AddResult, addTurn } from './add.ts'
import { asOf } from './as-of.ts'
import type { Predicate } from './filters.ts'
import { forgetScope } from './forget.ts'
import { type HistoryRow, readHistory } from './history.ts'
import { leaveNoTrace } from './leave-no-trace.ts'
import type { Memory } from './memory.ts'
import { removePending } from './pending.ts'
import { putTurn, readTurn } from './turns.ts'
import { type Held, type OnFence, type Revision, type ScopeChange, UnitOfWork } from './unit-of-work.ts'

export interface EngineOptions {
  records: RecordStore
  lock: ScopeLock
  embedder: Embedder
  /** Called in the order of the commits of a scope, and awaited before the change is answered for. */
  onChange: (change: ScopeChange) => unknown
  onFence?: OnFence
  now?: () => number
}

export interface AddOptions extends Pick<AddContext, 'learn' | 'expiresAt' | 'countTokens' | 'triggers'> {
  /** When it was said, epoch milliseconds; now, if absent. */
  at?: number | undefined
}

const VERBATIM: AddOptions = { learn: false, expiresAt: null, countTokens: () => 0 }

export type Correction = Omit<Revision, 'kind' | 'sources' | 'valid_from' | 'context' | 'same_as'>

export interface ListOptions {
  limit: number
  accept: Predicate
  after?: Position | undefined
  direction?: 'ascending' | 'descending' | undefined
}

/** Memories that are looked at, at the most, to fill one page of a narrowed list. */
const LIST_SCAN = 1000

/** The writing side of memory: one writer per scope, and a turn is stored whole or not at all. */
export class MemoryEngine {
  readonly #records: RecordStore
  readonly #embedder: Embedder
  readonly #onChange: (change: ScopeChange) => unknown
  readonly #onFence: OnFence
  readonly #now: () => number
  readonly #lock: ScopeLock

  constructor({
    records,
    lock,
    embedder,
    onChange,
    onFence = async () => {},
    now = Date.now,
  }: EngineOptions) {
    this.#records = tellingOfFailures(records, (scope) =>
      onChange({ scope, upserted: [], removed: [], fence: true, unheard: true }),
    )
    this.#lock = lock
    this.#embedder = embedder
    this.#onChange = onChange
    this.#onFence = onFence
    this.#now = now
  }

  /**
   * Remembers one turn. Posting a turn (conversation and number) again replaces what it said before: a regenerated
   * answer leaves no trace of the first.
   */
  async add(scope: Scope, request: AddRequest, options: AddOptions = VERBATIM): Promise<AddResult> {
    const key = scopeKey(scope)
    return await this.#alone(key, async (records) => {
      const { result, change, isOutOfOrder } = await addTurn(key, request, {
        ...options,
        records,
        embedder: this.#embedder,
        now: options.at ?? this.#now(),
        onFence: this.#onFence,
      })
      if (change) await this.#tell({ ...change, fence: change.fence || isOutOfOrder })
      return result
    })
  }

  /** @throws {AppError} `not_found`: it never was, belongs to somebody else, or has been deleted */
  async get(scope: Scope, id: string): Promise<Memory> {
    const record = await this.#records.get('memories', scopeKey(scope), id)
    if (!record) throw notFound(id)
    return record.payload as unknown as Memory
  }

  /** Corrects a memory by hand. What it said before stays in its history, and nothing changed is no new version. */
  async revise(
    scope: Scope,
    id: string,
    correction: Correction,
    reason: string | null,
  ): Promise<{ memory: Memory; changed: boolean }> {
    return await this.#change(scope, async (unit) => {
      const { memory } = await need(unit, id)
      if (memory.kind === 'pending') {
        throw new AppError(
          'conflict',
          `id: ${JSON.stringify(id)} waits to be learned from; correct what comes of it`,
        )
      }
      const changed = Object.entries(correction).some(
        ([field, value]) => !isDeepStrictEqual(memory[field as keyof Memory], value),
      )
      if (!changed) return { memory, changed }
      const revised = await unit.revise(id, { ...correction, valid_from: unit.now }, { actor: 'api', reason })
      return { memory: revised, changed }
    })
  }

  /**
   * Ends a memory; its history stays, and it can be restored. The turns that it came from do not bring it back when
   * they are posted again.
   */
  async remove(scope: Scope, id: string, reason: string | null = null): Promise<Memory> {
    return await this.#change(scope, async (unit) => {
      const { memory } = await need(unit, id)
      if (memory.kind === 'pending') unit.erase(id)
      else await unit.end(id, unit.now, { actor: 'api', reason })
      await leaveNoTrace(unit, this.#records, memory)
      return memory
    })
  }

  /**
   * Makes an earlier version the current one, as a new version.
   * @param version the one to restore; if absent, the one before the newest, or the last of a deleted memory
   */
  async restore(
    scope: Scope,
    id: string,
    version: number | undefined,
    reason: string | null,
  ): Promise<Memory> {
    return await this.#change(scope, async (unit) => {
      const current = await unit.find(id)
      const ended = current ? undefined : await unit.findEnded(id)
      const latest = current?.memory ?? ended?.memory
      if (!latest) throw notFound(id)
      const wanted = version ?? (current ? latest.version - 1 : latest.version)
      const found = await unit.findPast(id, wanted)
      if (!found) throw noVersion(wanted, version, ended ? latest.version : latest.version - 1)
      const cause = { actor: 'api' as const, reason: reason ?? `version ${wanted} restored` }
      const { memory: past } = found.past
      const { text, topic, sub_topic, importance, event_date, expires_at, metadata, kind } = past
      const fields = { text, topic, sub_topic, importance, event_date, expires_at, metadata, kind }
      const valid_from = unit.now
      if (ended) {
        // Its sources are those of the last version, whichever comes back.
        const { sources } = ended.memory
        const changed = {
          sources,
          valid_from,
          updated_at: unit.now,
          same_as: undefined,
          taken_back: undefined,
        }
        const back = await unit.add({ ...past, ...changed }, cause)
        unit.put(back, found.dense)
        return back
      }
      const options = { event: 'RESTORE' as const, dense: found.dense }
      return await unit.revise(id, { ...fields, valid_from }, cause, options)
    })
  }

  /** Every change of a memory, oldest first, also of one that has ended. */
  async history(scope: Scope, id: string): Promise<HistoryRow[]> {
    const key = scopeKey(scope)
    const unit = new UnitOfWork(this.#records, key, this.#now())
    const latest = (await unit.find(id))?.memory ?? (await unit.findEnded(id))?.memory
    if (!latest) throw notFound(id)
    return await readHistory(this.#records, key, id, latest.version)
  }

  /** A page of the memories that `accept` lets through, and where the next one begins. */
  async list(scope: Scope, options: ListOptions): Promise<{ memories: Memory[]; next: Position | null }> {
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

  /** A page of what held at a moment, each memory in the version of then. */
  async listAsOf(
    scope: Scope,
    at: number,
    { limit, accept, after, direction = 'ascending' }: ListOptions,
  ): Promise<{ memories: { memory: Memory; validUntil: number | null }[]; next: Position | null }> {
    const sign = direction === 'ascending' ? 1 : -1
    const compare = (a: Position, b: Position) =>
      sign * (a.order - b.order || (a.id < b.id ? -1 : +(a.id > b.id)))
    const held = (await asOf(this.#records, scopeKey(scope), at))
      .map(({ held: { memory }, validUntil }) => ({ memory, validUntil }))
      .filter(({ memory }) => accept(memory) && (after === undefined || compare(memory, after) > 0))
      .sort((a, b) => compare(a.memory, b.memory))
    const memories = held.slice(0, limit)
    const last = memories.at(-1)?.memory
    return { memories, next: last && held.length > limit ? { order: last.order, id: last.id } : null }
  }

  /** Lets go of a turn that waits to be learned from, and of its words. Whether it did wait. */
  async dropTurn(scope: Scope, turnId: string): Promise<boolean> {
    return await this.#change(scope, async (unit) => {
      const turn = await readTurn(this.#records, unit.scope, turnId)
      if (!turn || turn.state === 'done') return false
      for (const id of turn.memory_ids) {
        if ((await unit.find(id))?.memory.kind === 'pending') unit.erase(id)
      }
      const dropped = { state: 'done' as const, memory_ids: [], dropped_at: unit.now, updated_at: unit.now }
      unit.also(putTurn(unit.scope, { ...turn, ...dropped }), removePending(unit.scope, turnId))
      return true
    })
  }

  /** Erases everything of a user, and answers how many records of each kind there were. */
  async forget(scope: Scope): Promise<Record<string, number>> {
    const key = scopeKey(scope)
    return await this.#alone(key, async (records) => {
      await this.#onFence(key)
      const gone = { scope: key, upserted: [], fence: true }
      const counts = await forgetScope(records, key, (removed) => this.#tell({ ...gone, removed }))
      await this.#onChange({ ...gone, removed: [], forgotten: true })
      return counts
    })
  }

  /**
   * Runs a change with the scope's memories to itself, and commits it whole.
   * Everything that changes memories goes through here.
   */
  async change<T>(scope: string, task: (unit: UnitOfWork) => Promise<T>): Promise<T> {
    return await this.#alone(scope, async (records) => {
      const unit = new UnitOfWork(records, scope, this.#now())
      const answer = await task(unit)
      await this.#tell(await unit.commit(this.#embedder, { scope }, this.#onFence))
      return answer
    })
  }

  /**
   * Finishes what another process left of a scope, before anybody writes there.
   * @param left `unknown`: most likely nothing
   */
  async takeOver(scope: string, left: 'unfinished' | 'unknown'): Promise<void> {
    await this.#records.recover?.(scope)
    // It may have been committed without anybody being told.
    if (left === 'unfinished') {
      await this.#onChange({ scope, upserted: [], removed: [], fence: true, unheard: true })
    }
  }

  /** Resolves when the writes under way have ended. */
  async drained(): Promise<void> {
    await this.#lock.drained()
  }

  /** Runs a task with the scope to itself, on a store that takes a commit only while that is certain. */
  async #alone<T>(scope: string, task: (records: RecordStore) => Promise<T>): Promise<T> {
    return await this.#lock.run(scope, async ({ assertHeld }) => {
      const commit: RecordStore['commit'] = async (writes) => {
        await assertHeld()
        await this.#records.commit(writes)
      }
      return await task({ ...this.#records, commit })
    })
  }

  async #change<T>(scope: Scope, task: (unit: UnitOfWork) => Promise<T>): Promise<T> {
    return await this.change(scopeKey(scope), task)
  }

  async #tell(change: ScopeChange): Promise<void> {
    if (change.upserted.length > 0 || change.removed.length > 0) await this.#onChange(change)
  }
}

/** A commit that rejects may have taken effect all the same: what is held of its scopes in memory is in doubt. */
function tellingOfFailures(records: RecordStore, onDoubt: (scope: string) => unknown): RecordStore {
  return {
    ...records,
    async commit(writes) {
      try {
        await records.commit(writes)
      } catch (error) {
        const memories = writes.filter(({ collection }) => collection === 'memories')
        for (const scope of new Set(memories.map((write) => write.scope))) await onDoubt(scope)
        throw error
      }
    },
  }
}

async function need(unit: UnitOfWork, id: string): Promise<Held> {
  const held = await unit.find(id)
  if (!held) throw notFound(id)
  return held
}

function notFound(id: string): AppError {
  return new AppError('not_found', `id: no memory ${JSON.stringify(id)} of this user`)
}

function noVersion(wanted: number, given: number | undefined, newest: number): AppError {
  if (newest === 0)
    return new AppError('conflict', 'version: this memory has had no other version to restore')
  return invalid('version', `an earlier version of this memory, from 1 to ${newest}`, given ?? wanted)
}
