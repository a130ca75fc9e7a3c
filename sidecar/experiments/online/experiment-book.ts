import { randomUUID } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { recordsOf } from '../../memory/repositories/record.ts'
import { AppError, describe, invalid } from '../../ports/errors.ts'
import { type RecordStore, scrollAll } from '../../ports/records.ts'
import type { ScopeLock } from '../../ports/scope-lock.ts'
import { boundedTo } from '../../text/lru.ts'
import { type Arm, type Experiment, experiment } from '../model.ts'
import { definitionId, definitionsScope } from './places.ts'

export type NewExperiment = Pick<Experiment, 'name' | 'unit' | 'arms' | 'outcome' | 'shadow_share'>

export interface ExperimentChanges {
  /** New weights; absent arms keep theirs. */
  arms?: readonly Pick<Arm, 'name' | 'weight'>[] | undefined
  outcome?: string | undefined
  shadow_share?: number | undefined
}

export interface ExperimentBookOptions {
  records: RecordStore
  lock: ScopeLock
  /** Epoch milliseconds. */
  now: () => number
  /** How long definitions are cached, so that a change by another process may apply later, milliseconds. @default 5000 */
  cacheMs?: number | undefined
}

export const MIN_ARMS = 2
export const MAX_ARMS = 10
export const MAX_WEIGHT = 1000
/** Sets of weights that an experiment keeps. */
const MAX_WEIGHT_CHANGES = 200
/** Per namespace. */
const MAX_EXPERIMENTS = 100
/** Namespaces whose definitions are cached. */
const MAX_CACHED = 1000
const CACHE_MS = 5000

const definitions = recordsOf('experiments', experiment)

/** The definitions of experiments, by namespace and name. */
export class ExperimentBook {
  readonly #options: ExperimentBookOptions
  readonly #cache: LRUCache<string, readonly Experiment[]>
  #changes = 0

  constructor(options: ExperimentBookOptions) {
    this.#options = options
    this.#cache = new LRUCache({ ...boundedTo(MAX_CACHED), ttl: options.cacheMs ?? CACHE_MS })
  }

  /** @throws {AppError} `conflict` if the name is taken, `invalid_request` for arms or weights out of range */
  async create(namespace: string, given: NewExperiment, isStarted: boolean): Promise<Experiment> {
    checkArms(given.arms)
    checkShare(given.shadow_share)
    return await this.#change(namespace, given.name, async (known) => {
      if (known)
        throw conflict(`name: an experiment ${describe(given.name)} exists; delete it or use another name`)
      if ((await this.list(namespace)).length >= MAX_EXPERIMENTS) {
        throw conflict(`name: the namespace has ${MAX_EXPERIMENTS} experiments; delete one first`)
      }
      const now = this.#options.now()
      return {
        ...given,
        status: isStarted ? 'running' : 'draft',
        salt: randomUUID(),
        created_at: now,
        started_at: isStarted ? now : null,
        stopped_at: null,
      }
    })
  }

  /** Newest first. */
  async list(namespace: string): Promise<Experiment[]> {
    const scope = definitionsScope(namespace)
    const found = await Array.fromAsync(
      scrollAll(this.#options.records, 'experiments', scope),
      definitions.read,
    )
    return found.reverse()
  }

  /** As `list`; a change by another process may appear later. */
  async cachedList(namespace: string): Promise<readonly Experiment[]> {
    const cached = this.#cache.get(namespace)
    if (cached) return cached
    const changes = this.#changes
    const found = await this.list(namespace)
    // A definition may have changed since it was read.
    if (changes === this.#changes) this.#cache.set(namespace, found)
    return found
  }

  /** From the cached list. */
  async find(namespace: string, name: string): Promise<Experiment | undefined> {
    return (await this.cachedList(namespace)).find((one) => one.name === name)
  }

  /** From the store. */
  async read(namespace: string, name: string): Promise<Experiment | undefined> {
    return await definitions.get(this.#options.records, definitionsScope(namespace), definitionId(name))
  }

  /** @throws {AppError} `not_found` */
  async get(namespace: string, name: string): Promise<Experiment> {
    const found = await this.read(namespace, name)
    if (!found) throw notFound(name)
    return found
  }

  /** Weights may change at any time: units keep the arm that they have. */
  async update(
    namespace: string,
    name: string,
    { arms = [], outcome, shadow_share }: ExperimentChanges,
  ): Promise<Experiment> {
    if (shadow_share !== undefined) checkShare(shadow_share)
    return await this.#change(namespace, name, (known) => {
      if (!known) throw notFound(name)
      const weights = new Map(arms.map((arm) => [arm.name, arm.weight]))
      for (const [i, arm] of arms.entries()) {
        if (arms.findIndex(({ name }) => name === arm.name) < i) {
          throw invalid(`arms[${i}].name`, 'each name once', arm.name)
        }
        if (known.arms.some((one) => one.name === arm.name)) continue
        const names = known.arms.map((one) => one.name).join(', ')
        const rule = 'arms cannot be renamed, added or removed; create another experiment instead'
        throw invalid(`arms[${i}].name`, `one of ${names} (${rule})`, arm.name)
      }
      const changed = known.arms.map((arm) => ({ ...arm, weight: weights.get(arm.name) ?? arm.weight }))
      checkArms(changed)
      return {
        ...known,
        ...this.#weightChanges(known, changed),
        arms: changed,
        outcome: outcome ?? known.outcome,
        shadow_share: shadow_share ?? known.shadow_share,
      }
    })
  }

  /** Starts a draft, or continues a paused experiment. */
  async start(namespace: string, name: string): Promise<Experiment> {
    return await this.#transition(namespace, name, (known) => {
      if (known.status === 'stopped') {
        throw conflict(`${describe(name)} has been stopped; create another experiment instead`)
      }
      return { ...known, status: 'running', started_at: known.started_at ?? this.#options.now() }
    })
  }

  /** Stops the assignment of new units; units with an arm keep it. */
  async pause(namespace: string, name: string): Promise<Experiment> {
    return await this.#transition(namespace, name, (known) => {
      if (known.status === 'running' || known.status === 'paused') return { ...known, status: 'paused' }
      throw conflict(`${describe(name)} is ${known.status}; only a running experiment can be paused`)
    })
  }

  /** Ends the experiment: no recall gets an arm, and the report stays. */
  async stop(namespace: string, name: string): Promise<Experiment> {
    return await this.#transition(namespace, name, (known) => ({
      ...known,
      status: 'stopped',
      stopped_at: known.stopped_at ?? Math.max(this.#options.now(), known.started_at ?? 0),
    }))
  }

  /**
   * Removes the definition. The caller has stopped the experiment and erased its units.
   * @throws {AppError} `not_found`
   */
  async remove(namespace: string, name: string): Promise<Experiment> {
    const scope = definitionsScope(namespace)
    return await this.#options.lock.run(scope, async ({ assertHeld }) => {
      const known = await this.get(namespace, name)
      await assertHeld()
      await this.#options.records.commit([definitions.remove(scope, definitionId(name))])
      this.#forgetCached(namespace)
      return known
    })
  }

  /** Keeps every set of weights since the start, because the report compares units with the weights at their assignment. */
  #weightChanges(known: Experiment, changed: readonly Arm[]): Pick<Experiment, 'weight_changes'> {
    const { arms, started_at, weight_changes = [] } = known
    const isSame = arms.every(({ weight }, i) => weight === changed[i]?.weight)
    if (started_at === null || isSame) return weight_changes.length > 0 ? { weight_changes } : {}
    const earlier =
      weight_changes.length > 0 ? weight_changes : [{ at: started_at, weights: weightsOf(arms) }]
    if (earlier.length >= MAX_WEIGHT_CHANGES) {
      throw conflict(
        `arms: the weights have changed ${MAX_WEIGHT_CHANGES} times; create another experiment instead`,
      )
    }
    // The system clock may have been set back.
    const at = Math.max(this.#options.now(), earlier.at(-1)?.at ?? 0)
    return { weight_changes: [...earlier, { at, weights: weightsOf(changed) }] }
  }

  #forgetCached(namespace: string): void {
    this.#changes += 1
    this.#cache.delete(namespace)
  }

  async #transition(
    namespace: string,
    name: string,
    change: (known: Experiment) => Experiment,
  ): Promise<Experiment> {
    return await this.#change(namespace, name, (known) => {
      if (!known) throw notFound(name)
      return change(known)
    })
  }

  async #change(
    namespace: string,
    name: string,
    change: (known: Experiment | undefined) => Experiment | Promise<Experiment>,
  ): Promise<Experiment> {
    const scope = definitionsScope(namespace)
    return await this.#options.lock.run(scope, async ({ assertHeld }) => {
      const changed = await change(await this.read(namespace, name))
      await assertHeld()
      const order = Math.max(1, changed.created_at) * 1000
      await this.#options.records.commit([definitions.put(scope, definitionId(name), order, changed)])
      this.#forgetCached(namespace)
      return changed
    })
  }
}

function weightsOf(arms: readonly Arm[]): Record<string, number> {
  return Object.fromEntries(arms.map(({ name, weight }) => [name, weight]))
}

function checkArms(arms: readonly Arm[]): void {
  if (arms.length < MIN_ARMS || arms.length > MAX_ARMS) {
    throw invalid('arms', `${MIN_ARMS} to ${MAX_ARMS} arms`, arms)
  }
  const names = new Set<string>()
  for (const [i, { name, weight }] of arms.entries()) {
    if (names.has(name)) throw invalid(`arms[${i}].name`, 'each name once', name)
    names.add(name)
    if (weight > 0 && weight <= MAX_WEIGHT) continue
    throw invalid(
      `arms[${i}].weight`,
      `a number above 0 and at most ${MAX_WEIGHT} (pause or stop the experiment instead of 0)`,
      weight,
    )
  }
}

function checkShare(share: number): void {
  if (!(share >= 0 && share <= 1)) throw invalid('shadow_share', 'a number from 0 to 1', share)
}

function notFound(name: string): AppError {
  return new AppError('not_found', `name: no experiment ${describe(name)}`)
}

function conflict(message: string): AppError {
  return new AppError('conflict', message)
}
