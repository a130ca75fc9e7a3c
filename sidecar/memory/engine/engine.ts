import { isDeepStrictEqual } from 'node:util'
import type { Embedder } from '../../ports/embedder.ts'
import { AppError, invalid } from '../../ports/errors.ts'
import type { RecordStore } from '../../ports/records.ts'
import type { ScopeLock } from '../../ports/scope-lock.ts'
import { graphOfText, NO_GRAPH } from '../model/graph.ts'
import type { HistoryRow } from '../model/history.ts'
import { contentOf, type Memory } from '../model/memory.ts'
import { type Scope, scopeKey } from '../model/scope.ts'
import { getHistory } from '../repositories/history.ts'
import { getMemory, type Held } from '../repositories/memories.ts'
import { removePending } from '../repositories/pending.ts'
import type { OnInvalidRecord } from '../repositories/record.ts'
import { getTurn, putTurn } from '../repositories/turns.ts'
import { eraseDerivedData } from './erase-derived-data.ts'
import { forgetScope } from './forget.ts'
import { type ForgottenConversation, forgetConversation } from './forget-conversation.ts'
import { type ListOptions, listMemories, listMemoriesAsOf } from './list.ts'
import { type OnFence, type Revision, type ScopeChange, UnitOfWork } from './unit-of-work.ts'

export interface EngineOptions {
  records: RecordStore
  lock: ScopeLock
  embedder: Embedder
  /** Called in commit order per scope, and awaited before the change is acknowledged. */
  onChange: (change: ScopeChange) => unknown
  onFence?: OnFence
  onInvalidRecord?: OnInvalidRecord | undefined
  /** Called after a commit of records without a vector. */
  onUnembedded?: (() => void) | undefined
  /** Called when the text of a memory was corrected, deleted or restored by hand. Must not throw or block. */
  onCorrected?: ((scope: Scope, id: string) => void) | undefined
  now?: () => number
}

/** The answer of a change, and what is missing in its commit: `embedding`, or nothing. */
export interface Changed<T> {
  answer: T
  degraded: string[]
}

/** Commits one change of a scope whose lock is held. */
type ChangeOne = <T>(task: Task<T>) => Promise<T>
type Task<T> = (unit: UnitOfWork) => Promise<T>

export type Correction = Omit<Revision, 'kind' | 'sources' | 'valid_from' | 'context' | 'same_as'>

/** Reads and changes memories. One writer per scope; every change is committed atomically. */
export class MemoryEngine {
  readonly #options: EngineOptions & Required<Pick<EngineOptions, 'onFence' | 'now'>>

  constructor(options: EngineOptions) {
    this.#options = { onFence: async () => {}, now: Date.now, ...options }
  }

  /** @throws {AppError} `not_found` for an unknown or deleted memory, or one of another user */
  async get(scope: Scope, id: string): Promise<Memory> {
    const held = await getMemory(this.#options.records, scopeKey(scope), id)
    if (!held) throw notFound(id)
    return held.memory
  }

  /** Corrects a memory by hand as its next version; a correction that changes nothing makes no version. */
  async revise(
    scope: Scope,
    id: string,
    correction: Correction,
    reason: string | null,
  ): Promise<{ memory: Memory; changed: boolean; degraded: string[] }> {
    const { answer, degraded } = await this.tryChange(scopeKey(scope), async (unit) => {
      const { memory } = await findOrThrow(unit, id)
      if (memory.kind === 'pending') {
        throw new AppError(
          'conflict',
          `id: ${JSON.stringify(id)} is pending; correct the memories that extraction makes of it`,
        )
      }
      const changed = Object.entries(correction).some(
        ([field, value]) => !isDeepStrictEqual(memory[field as keyof Memory], value),
      )
      if (!changed) return { memory, changed }
      const { text } = correction
      const graph = text === undefined ? {} : { ...NO_GRAPH, ...graphOfText({ ...memory, text }, unit.now) }
      const revision = { ...correction, ...graph, valid_from: unit.now }
      const revised = await unit.revise(id, revision, { actor: 'api', reason })
      return { memory: revised, changed }
    })
    if (answer.changed && correction.text !== undefined) this.#options.onCorrected?.(scope, id)
    return { ...answer, degraded }
  }

  /** Ends a memory, with its history, so that only `restore` brings it back. A pending memory is erased. */
  async remove(scope: Scope, id: string, reason: string | null = null): Promise<Memory> {
    const removed = await this.change(scopeKey(scope), async (unit) => {
      const { memory } = await findOrThrow(unit, id)
      if (memory.kind === 'pending') unit.erase(id)
      else await unit.end(id, unit.now, { actor: 'api', reason })
      await eraseDerivedData(unit, memory)
      return memory
    })
    this.#options.onCorrected?.(scope, id)
    return removed
  }

  /**
   * Makes a new version with the content of an earlier one.
   * @param version absent: the one before the current version, or the last version of a deleted memory
   */
  async restore(
    scope: Scope,
    id: string,
    version: number | undefined,
    reason: string | null,
  ): Promise<{ memory: Memory; degraded: string[] }> {
    const { answer: memory, degraded } = await this.tryChange(scopeKey(scope), async (unit) => {
      const current = await unit.find(id)
      const ended = current ? undefined : await unit.findEnded(id)
      const latest = current?.memory ?? ended?.memory
      if (!latest) throw notFound(id)
      const newestPast = current ? latest.version - 1 : latest.version
      const wanted = version ?? newestPast
      const found = await unit.findPast(id, wanted)
      if (!found) throw noVersion(wanted, newestPast)
      const cause = { actor: 'api' as const, reason: reason ?? `version ${wanted} restored` }
      const { memory: past } = found.past
      const valid_from = unit.now
      if (ended) {
        // The sources are those of the last version, whichever version is restored.
        const { sources } = ended.memory
        const reset = { updated_at: unit.now, same_as: undefined, taken_back: undefined }
        const restored = await unit.add({ ...past, sources, valid_from, ...reset }, cause)
        unit.put(restored, found.dense)
        return restored
      }
      const { metadata, kind } = past
      const options = { event: 'RESTORE' as const, dense: found.dense }
      return await unit.revise(id, { ...contentOf(past), metadata, kind, valid_from }, cause, options)
    })
    this.#options.onCorrected?.(scope, id)
    return { memory, degraded }
  }

  /** Every change of a memory, oldest first; also of one that has ended. */
  async history(scope: Scope, id: string): Promise<HistoryRow[]> {
    const unit = new UnitOfWork(this.#options.records, scopeKey(scope), this.#options.now())
    const latest = (await unit.find(id))?.memory ?? (await unit.findEnded(id))?.memory
    if (!latest) throw notFound(id)
    return await getHistory(unit.records, unit.scope, id, latest.version)
  }

  async list(scope: Scope, options: ListOptions): ReturnType<typeof listMemories> {
    return await listMemories(this.#options.records, scopeKey(scope), options, this.#options.onInvalidRecord)
  }

  async listAsOf(scope: Scope, at: number, options: ListOptions): ReturnType<typeof listMemoriesAsOf> {
    return await listMemoriesAsOf(
      this.#options.records,
      scopeKey(scope),
      at,
      options,
      this.#options.onInvalidRecord,
    )
  }

  /** Drops a pending turn with its pending memories. False: the turn is not pending. */
  async dropTurn(scope: Scope, turnId: string): Promise<boolean> {
    return await this.change(scopeKey(scope), async (unit) => {
      const turn = await getTurn(unit.records, unit.scope, turnId)
      if (!turn || turn.state === 'done') return false
      for (const id of turn.memory_ids) {
        if ((await unit.find(id))?.memory.kind === 'pending') unit.erase(id)
      }
      const dropped = { state: 'done' as const, memory_ids: [], dropped_at: unit.now, updated_at: unit.now }
      unit.addWrites(putTurn(unit.scope, { ...turn, ...dropped }), removePending(unit.scope, turnId))
      return true
    })
  }

  /** Erases everything of a user; answers the number of erased records per collection. */
  async forget(scope: Scope): Promise<Record<string, number>> {
    return await this.#runExclusive(scopeKey(scope), (records) => this.#forgetIn(records, scopeKey(scope)))
  }

  async #forgetIn(records: RecordStore, scope: string): Promise<Record<string, number>> {
    await this.#options.onFence(scope)
    const change = { scope, upserted: [], fence: true }
    const counts = await forgetScope(records, scope, (removed) => this.#report({ ...change, removed }))
    await this.#options.onChange({ ...change, removed: [], forgotten: true })
    return counts
  }

  /** Erases a conversation under one lock, in several commits. */
  async forgetConversation(scope: Scope, conversationId: string): Promise<ForgottenConversation> {
    const key = scopeKey(scope)
    return await this.#runExclusive(key, (records) =>
      forgetConversation(records, key, conversationId, (task) => this.#changeIn(records, key, task)),
    )
  }

  /**
   * Copies the data of a user to another one by changes of the target, then erases the source. Both locks are held, in a
   * fixed order, so that two moves cannot block each other.
   */
  async move<T>(from: Scope, to: Scope, copy: (change: ChangeOne) => Promise<T>): Promise<T> {
    const [source, target] = [scopeKey(from), scopeKey(to)]
    const [outer, inner] = source < target ? [source, target] : [target, source]
    return await this.#runExclusive(outer, (outerRecords) =>
      this.#runExclusive(inner, async (innerRecords) => {
        const recordsOf = (scope: string) => (scope === outer ? outerRecords : innerRecords)
        const answer = await copy((task) => this.#changeIn(recordsOf(target), target, task))
        await this.#forgetIn(recordsOf(source), source)
        return answer
      }),
    )
  }

  async #changeIn<T>(records: RecordStore, scope: string, task: Task<T>): Promise<T> {
    return (await this.#tryChangeIn(records, scope, task)).answer
  }

  /**
   * Runs a task under the write lock of the scope and commits its changes atomically. All changes use this method.
   * @param at time of the change, epoch milliseconds; by default the time at which the lock is acquired
   */
  async change<T>(scope: string, task: (unit: UnitOfWork) => Promise<T>, at?: number): Promise<T> {
    return (await this.tryChange(scope, task, at)).answer
  }

  /** As `change`, and says what is missing in the commit. */
  async tryChange<T>(scope: string, task: Task<T>, at?: number): Promise<Changed<T>> {
    return await this.#runExclusive(scope, (records) => this.#tryChangeIn(records, scope, task, at))
  }

  async #tryChangeIn<T>(
    records: RecordStore,
    scope: string,
    task: Task<T>,
    at?: number,
  ): Promise<Changed<T>> {
    const unit = new UnitOfWork(records, scope, at ?? this.#options.now())
    const answer = await task(unit)
    await this.#report(await unit.commit(this.#options.embedder, this.#options.onFence))
    const { degraded } = unit
    if (degraded.length > 0) this.#options.onUnembedded?.()
    return { answer, degraded }
  }

  /** Finishes the commits that another process left in a scope, before this process writes there. */
  async takeOver(scope: string, left: 'unfinished' | 'unknown'): Promise<void> {
    await this.#options.records.recover?.(scope)
    // The other process may have committed without reporting the change.
    if (left === 'unfinished') await this.#reportUncertain(scope)
  }

  /** Resolves when the writes under way have ended. */
  async drained(): Promise<void> {
    await this.#options.lock.drained()
  }

  /** Runs a task under the write lock of the scope, with a store that commits only while the lock is held. */
  async #runExclusive<T>(scope: string, task: (records: RecordStore) => Promise<T>): Promise<T> {
    return await this.#options.lock.run(scope, async ({ assertHeld }) => {
      const commit: RecordStore['commit'] = async (writes) => {
        await assertHeld()
        try {
          await this.#options.records.commit(writes)
        } catch (error) {
          // It may have taken effect all the same, so blocks from before it must not be served.
          if (writes.some(({ collection }) => collection === 'memories')) await this.#reportUncertain(scope)
          throw error
        }
      }
      return await task({ ...this.#options.records, commit })
    })
  }

  async #report(change: ScopeChange): Promise<void> {
    if (change.upserted.length > 0 || change.removed.length > 0) await this.#options.onChange(change)
  }

  async #reportUncertain(scope: string): Promise<void> {
    await this.#options.onChange({ scope, upserted: [], removed: [], fence: true })
  }
}

async function findOrThrow(unit: UnitOfWork, id: string): Promise<Held> {
  const held = await unit.find(id)
  if (!held) throw notFound(id)
  return held
}

function notFound(id: string): AppError {
  return new AppError('not_found', `id: no memory ${JSON.stringify(id)} of this user`)
}

function noVersion(wanted: number, newest: number): AppError {
  if (newest === 0) return new AppError('conflict', 'version: this memory has no earlier version to restore')
  return invalid('version', `an earlier version of this memory, from 1 to ${newest}`, wanted)
}
