import { LRUCache } from 'lru-cache'
import pTimeout from 'p-timeout'
import { type BufferOptions, WriteBehind } from '../../insight/write-behind.ts'
import { type Scope, scopeKey } from '../../memory/model/scope.ts'
import type { StrategyRequest, StrategyResult } from '../../retrieval/strategies/request.ts'
import type { Strategies } from '../../retrieval/strategies/strategies.ts'
import { boundedTo } from '../../text/lru.ts'
import { tokenCounter } from '../../text/token-counter.ts'
import type { Arm, Experiment, UnitSummary } from '../model.ts'
import { type ShardUnits, unpackShard } from '../report-thread/shard-units.ts'
import { chooseArm, isShadowTurn } from './assignment.ts'
import type { ExperimentBook } from './experiment-book.ts'
import { type ArmAnswer, applyArm, toExposure } from './exposure.ts'
import { type Place, placeOf } from './places.ts'
import { PreviousBlocks } from './previous-blocks.ts'
import { Shadow, type ShadowEffect, type ShadowOptions } from './shadow.ts'
import type { OutcomeRow, Row } from './summary.ts'
import type { Effect, UnitStore } from './unit-store.ts'

/** Why a recall got an arm or the fallback. `paused`: the unit has no arm, and new units get none. */
export const CHOICE_REASONS = [
  'assigned',
  'unknown',
  'draft',
  'paused',
  'stopped',
  'no_unit',
  'unavailable',
] as const

export interface Choice {
  name: string
  /** `''` without an arm. */
  arm: string
  reason: (typeof CHOICE_REASONS)[number]
}

/** A unit that has an arm. */
export interface AssignedUnit {
  experiment: Experiment
  unitId: string
  arm: string
  place: Place
}

export type Outcome = Omit<OutcomeRow, 'kind'>

export interface ExperimentsOptions extends BufferOptions, Pick<ShadowOptions, 'timers'> {
  strategies: Strategies
  book: ExperimentBook
  units: UnitStore
  now: () => number
  /** Milliseconds to read or assign the arm of a unit. @default 500 */
  assignDeadlineMs?: number | undefined
  /** Called for every recall that an arm answered, also for repeated ones. Must not throw or block. */
  onAnswered?: ((answer: ArmAnswer) => void) | undefined
  /** Called for every turn that an arm answered. */
  onExposure?: ((namespace: string, experiment: string, arm: string) => void) | undefined
  onShadow?: ((effect: ShadowEffect) => void) | undefined
  /** Called when no arm could be read or assigned. */
  onUnavailable?: ((error: unknown) => void) | undefined
}

interface BufferedRow {
  id: string
  place: Place
  row: Row
}

/** Units whose arm this process remembers, and for how long, because another process may erase a unit. */
const MAX_KNOWN = 50_000
const KNOWN_MS = 60_000

/** Recalls under experiments: assigns units to arms, and records what each arm answered. */
export class Experiments {
  readonly #options: ExperimentsOptions
  readonly #buffer: WriteBehind<BufferedRow>
  readonly #shadow: Shadow
  readonly #previous = new PreviousBlocks()
  readonly #arms = new LRUCache<string, string>({ ...boundedTo(MAX_KNOWN), ttl: KNOWN_MS })
  #dropped = 0

  constructor(options: ExperimentsOptions) {
    this.#options = options
    this.#buffer = new WriteBehind((rows) => this.#fold(rows), options)
    this.#shadow = new Shadow({
      strategies: options.strategies,
      timers: options.timers,
      onEffect: options.onShadow,
      onComparison: ({ place }, row) => this.#add(place, row),
    })
  }

  /** Rows that were dropped before they were added to their unit, since the start. */
  get lost(): number {
    return this.#buffer.lost + this.#dropped
  }

  /**
   * Answers with the arm of the unit. Without one, the answer is that of the request itself, and `reason` says why.
   * @throws {AppError} as `Strategies.recall` does
   */
  async recall(
    scope: Scope,
    request: StrategyRequest,
    name: string,
  ): Promise<{ result: StrategyResult; experiment: Choice }> {
    const { strategies, now, onAnswered, onExposure } = this.#options
    const choice = await this.#choose(scope, request, name)
    if (!('arm' in choice)) {
      const result = await strategies.recall(scope, request)
      return { result, experiment: { name, arm: '', reason: choice.reason } }
    }
    const { arm, place, experiment } = choice
    const at = now()
    const armRequest = applyArm(request, name, arm)
    const result = await strategies.recall(scope, armRequest)
    const answer: ArmAnswer = { scope, original: request, request: armRequest, result, arm: arm.name, at }
    onAnswered?.(answer)
    const exposure = toExposure(answer, place.salt, this.#previous, await tokenCounter())
    if (exposure) {
      onExposure?.(scope.namespace, name, arm.name)
      this.#add(place, exposure)
      if (result.degraded.length === 0 && isShadowTurn(experiment, place.unitId, exposure.id)) {
        this.#shadow.add({ place, experiment, served: answer })
      }
    }
    return { result, experiment: { name, arm: arm.name, reason: 'assigned' } }
  }

  /** The units of the namespace's experiments that a conversation of a user belongs to. */
  async attribute({
    scope,
    conversationId,
  }: {
    scope: Scope
    conversationId?: string | undefined
  }): Promise<AssignedUnit[]> {
    const assigned: AssignedUnit[] = []
    for (const experiment of await this.#options.book.cachedList(scope.namespace)) {
      const place = experiment.status === 'draft' ? undefined : placeOf(scope, experiment, conversationId)
      const arm = place && (await this.#knownArm(place))
      if (place && arm !== undefined) assigned.push({ experiment, unitId: place.unitId, arm, place })
    }
    return assigned
  }

  /** Stores an outcome before it resolves. `unknown`: the unit was erased; `refused`: it has too many names. */
  async addOutcome({ place }: AssignedUnit, outcome: Outcome): Promise<Effect> {
    const placed = { place, row: { kind: 'outcome' as const, ...outcome } }
    const effects = await this.#options.units.fold([placed])
    return effects.get(placed) ?? 'unknown'
  }

  /** Buffers an outcome like an exposure, for outcomes whose result no caller awaits. */
  noteOutcome({ place }: AssignedUnit, outcome: Outcome & { id: string }): void {
    this.#add(place, { kind: 'outcome', ...outcome })
  }

  /** All units of an experiment, with the rows that are not written yet. */
  async *unitsOf(namespace: string, experiment: Pick<Experiment, 'salt'>): AsyncGenerator<UnitSummary> {
    for await (const shard of this.shardsOf(namespace, experiment)) yield* unpackShard(shard)
  }

  /** As `unitsOf`, by shard: several times as fast for 100,000 units. */
  async *shardsOf(namespace: string, { salt }: Pick<Experiment, 'salt'>): AsyncGenerator<ShardUnits> {
    await this.flush()
    const pending = new Map<string, Row[]>()
    for (const { place, row } of this.#buffer.pending) {
      if (place.salt === salt) pending.set(place.recordId, [...(pending.get(place.recordId) ?? []), row])
    }
    yield* this.#options.units.summaries(namespace, salt, pending)
  }

  /** Units and turns by arm, with the rows of this process. */
  async totals(namespace: string, { salt }: Pick<Experiment, 'salt'>) {
    await this.flush()
    return await this.#options.units.totals(namespace, salt)
  }

  /** Removes an experiment and erases its units. */
  async delete(namespace: string, name: string): Promise<void> {
    const { book, units } = this.#options
    // Stopped first, so that no unit is assigned after the erasure, and a crash leaves an experiment to delete again.
    const { salt } = await book.stop(namespace, name)
    this.#buffer.update((row) => (row.place.salt === salt ? undefined : row))
    await units.erase(namespace, salt)
    await book.remove(namespace, name)
  }

  /** Removes the ids of a user from all units. Returns the number of units. */
  async forget(scope: Scope): Promise<number> {
    const { book, units } = this.#options
    await this.flush()
    this.#buffer.update((row) => (isOf(row.place, scope) ? undefined : row))
    this.#arms.clear()
    this.#previous.forget(`${scopeKey(scope)}/`)
    let count = 0
    for (const { salt } of await book.list(scope.namespace)) {
      count += await units.forget(scope.namespace, salt, scope.userId)
    }
    return count
  }

  /** Adds pending rows to their units. Never rejects; rows that cannot be written stay pending. */
  async flush(): Promise<void> {
    await this.#buffer.flush()
  }

  async close(): Promise<void> {
    await this.#shadow.close()
    await this.#buffer.close()
  }

  async #choose(
    scope: Scope,
    request: StrategyRequest,
    name: string,
  ): Promise<
    { arm: Arm; place: Place; experiment: Experiment } | { reason: Exclude<Choice['reason'], 'assigned'> }
  > {
    try {
      const { assignDeadlineMs: milliseconds = 500 } = this.#options
      return await pTimeout(this.#assign(scope, request, name), { milliseconds })
    } catch (error) {
      this.#options.onUnavailable?.(error)
      return { reason: 'unavailable' }
    }
  }

  async #assign(scope: Scope, { conversationId }: StrategyRequest, name: string) {
    const { book, units, now } = this.#options
    const { namespace } = scope
    const experiment = await book.find(namespace, name)
    if (!experiment) return { reason: 'unknown' as const }
    if (experiment.status === 'draft' || experiment.status === 'stopped') return { reason: experiment.status }
    const place = placeOf(scope, experiment, conversationId)
    if (!place) return { reason: 'no_unit' as const }
    const known = await this.#knownArm(place)
    if (known === undefined && experiment.status === 'paused') return { reason: 'paused' as const }
    let reason: 'unknown' | Experiment['status'] = 'unknown'
    const assigned =
      known ??
      (await units.assign(place, now, async () => {
        // Read again under the lock of the unit: the cached definition may have changed.
        const current = await book.read(namespace, name)
        if (current?.salt !== place.salt) return undefined
        reason = current.status
        return current.status === 'running' ? chooseArm(current, place.unitId).name : undefined
      }))
    if (assigned === undefined) return { reason: reason as 'unknown' | 'draft' | 'paused' | 'stopped' }
    this.#arms.set(armKey(place), assigned)
    const arm = experiment.arms.find((one) => one.name === assigned)
    if (!arm) throw new Error(`experiment ${name}: unit has the unknown arm ${assigned}`)
    return { arm, place, experiment }
  }

  async #knownArm(place: Place): Promise<string | undefined> {
    const known = this.#arms.get(armKey(place)) ?? (await this.#options.units.find(place))?.summary.arm
    if (known !== undefined) this.#arms.set(armKey(place), known)
    return known
  }

  #add(place: Place, row: Row): void {
    const rowId = row.kind === 'outcome' ? JSON.stringify([row.name, row.id]) : row.id
    this.#buffer.add(() => ({ id: `${armKey(place)} ${rowId}`, place, row }))
  }

  async #fold(rows: readonly BufferedRow[]): Promise<void> {
    const effects = await this.#options.units.fold(rows)
    for (const [{ place }, effect] of effects) {
      if (effect !== 'unknown' && effect !== 'other_arm') continue
      this.#dropped += 1
      this.#arms.delete(armKey(place))
    }
  }
}

function armKey({ salt, recordId }: Place): string {
  return `${salt} ${recordId}`
}

function isOf({ namespace, unit }: Place, scope: Scope): boolean {
  return namespace === scope.namespace && unit.userId === scope.userId
}
