import { fail } from 'node:assert'
import { createInProcessScopeLock } from '../../../../../sidecar/adapters/in-process/lock.ts'
import type { Services } from '../../../../../sidecar/app/compose.ts'
import type { Memory } from '../../../../../sidecar/memory/model/memory.ts'
import { type Scope, scopeKey } from '../../../../../sidecar/memory/model/scope.ts'
import { AppError } from '../../../../../sidecar/ports/errors.ts'
import type { ScopeLock } from '../../../../../sidecar/ports/scope-lock.ts'
import type { ScopeState } from '../../../../../sidecar/ports/scope-state.ts'
import { stoppedClock } from '../../../clock.ts'
import { openMemoryRecords } from '../../../sqlite.ts'
import { check } from './check.ts'
import { itemModel } from './item-model.ts'
import { type Backing, inProcessBacking, type Sabotage, type TestState, testState } from './scope-state.ts'
import { openService } from './service.ts'
import { type Ask, CONVERSATIONS, type Conversation, type Schedule, type Step, type Write } from './steps.ts'

export interface WorldOptions {
  sabotage?: Sabotage | undefined
  /** The window size that the sidecar is told for a window of size `n`. */
  told?: (n: number) => number
  /** Modifies each service when it starts. */
  spoil?: (services: Services) => void
  /** Runs before each commit of the record store. */
  beforeCommit?: (state: ScopeState) => Promise<void>
  /** The scope state; in-process by default. */
  backing?: Backing
  /** Default: `ada`. */
  userId?: string
}

/** Runs a schedule against the real service and checks the invariant after every recall. */
export async function run(schedule: Schedule, options: WorldOptions = {}): Promise<Tally> {
  const { sidecars, steps } = schedule
  const world = new World(schedule, options)
  try {
    await world.start()
    for (const [step, by] of steps) await world.take(step, by % sidecars)
    await world.checkTimelines()
    return world.tally
  } finally {
    await world.close()
  }
}

/** Number of recalls by outcome. */
export type Tally = Record<string, number>

/** One sidecar process. */
interface Sidecar {
  services: Services
  /** The pending timers. */
  timers: Map<object, () => void>
}

class World {
  readonly tally: Tally = {}
  readonly #clock = stoppedClock()
  readonly #records = openMemoryRecords()
  readonly #lock = createInProcessScopeLock()
  readonly #model = itemModel()
  readonly #windows: Record<Conversation, number>
  readonly #options: WorldOptions
  readonly #user: Scope
  readonly #learns: boolean
  readonly #count: number
  readonly #firstTurn: number
  /** One below the first turn before the first recall. */
  readonly #latest: Record<Conversation, number>
  readonly #said = new Map<string, { role: 'user'; content: string }[]>()
  readonly #deleted: string[] = []
  readonly #state: TestState
  readonly #sidecars: Sidecar[] = []
  #beforeCommit: (() => Promise<void>) | undefined
  #lastAsk: Ask | undefined
  #items = 0
  #commits = 0

  constructor({ learns, windows, sidecars, firstTurn }: Schedule, options: WorldOptions) {
    this.#learns = learns
    this.#windows = windows
    this.#count = sidecars
    this.#firstTurn = firstTurn
    this.#latest = { a: firstTurn - 1, b: firstTurn - 1 }
    this.#options = options
    this.#user = { namespace: 'n', userId: options.userId ?? 'ada' }
    this.#state = testState(
      options.backing ?? inProcessBacking(this.#clock.now, () => this.#commits, options.sabotage),
    )
  }

  async start(): Promise<void> {
    for (let by = 0; by < this.#count; by++) await this.#startOne(by)
  }

  async take(step: Step, by: number): Promise<void> {
    // Steps have distinct timestamps.
    this.#clock.advance(1)
    switch (step.do) {
      case 'ask':
        this.#lastAsk = step
        return await this.#ask(step, by)
      case 'askDuring':
        this.#beforeCommit = async () => {
          if (this.#lastAsk) await this.#ask({ ...this.#lastAsk, ahead: 0, during: undefined }, by, true)
        }
        await this.#write(step.write, by)
        this.#beforeCommit = undefined
        return
      case 'learn':
        await this.#of(by).buffer?.flush(this.#user)
        return
      case 'model':
        this.#model.works = step.works
        return
      case 'wait':
        this.#clock.advance(step.ms)
        if (step.ms >= 60_000) await this.#fireTimers()
        return
      case 'evict':
        return await this.#state.evict(step.what)
      case 'restart':
        return await this.#restart(step, by)
      case 'reset':
        if (step.forgets) await this.#write({ do: 'forget' }, by)
        this.#latest[step.conversation] = this.#firstTurn - 1
        return
      case 'state':
        this.#state.isAway = step.away
        return
      default:
        return await this.#write(step, by)
    }
  }

  /** Checks that the recorded timelines report no uncovered turns. */
  async checkTimelines(): Promise<void> {
    for (const conversation of CONVERSATIONS) {
      const { turns } = await this.#of(0).timeline.read(this.#user, conversation, { limit: 1000 })
      for (const { turn, recalls } of turns) {
        for (const { uncovered, cache, known } of recalls) {
          if (uncovered.length > 0) {
            fail(`turns ${uncovered} are uncovered at turn ${turn} (${JSON.stringify({ cache, known })})`)
          }
        }
      }
    }
  }

  async close(): Promise<void> {
    for (const { services } of this.#sidecars) {
      await services.buffer?.close()
      await services.timeline.close()
    }
    await this.#lock.drained()
    await this.#records.close()
  }

  /** A shared lock is on the same backend as the shared state, so both are unreachable together. */
  #sharedLock(): ScopeLock {
    const run: ScopeLock['run'] = async (scope, task) => {
      if (this.#state.isAway) throw new AppError('backend_unavailable', 'the lock is away')
      return await this.#lock.run(scope, task)
    }
    return { ...this.#lock, run }
  }

  #of(by: number): Services {
    return (this.#sidecars[by] as Sidecar).services
  }

  async #startOne(by: number): Promise<void> {
    const timers = new Map<object, () => void>()
    const services = openService({
      records: this.#records,
      state: this.#state,
      lock: this.#count > 1 ? this.#sharedLock() : this.#lock,
      isShared: this.#count > 1,
      clock: this.#clock,
      model: this.#learns ? this.#model : undefined,
      timers,
      beforeCommit: async () => {
        await this.#options.beforeCommit?.(this.#state)
        const first = this.#beforeCommit
        this.#beforeCommit = undefined
        await first?.()
      },
      afterCommit: () => void this.#commits++,
    })
    this.#options.spoil?.(services)
    this.#sidecars[by] = { services, timers }
    await services.announcer.start()
    await services.buffer?.start()
  }

  async #restart({ isAbrupt, keepsState }: Extract<Step, { do: 'restart' }>, by: number): Promise<void> {
    if (!isAbrupt) {
      const { buffer, announcer, timeline } = this.#of(by)
      await buffer?.close()
      await announcer.close()
      await timeline.close()
    } else await this.#of(by).timeline.flush()
    if (!keepsState && !this.#state.isAway) await this.#state.lose()
    await this.#startOne(by)
  }

  /** Fires all timers and waits: a reachable scope state receives missed changes, and pending turns are processed. */
  async #fireTimers(): Promise<void> {
    for (const { services, timers } of this.#sidecars) {
      for (const [timer, task] of [...timers]) if (timers.delete(timer)) task()
      const { buffer, hasPendingNotices } = services
      for (let i = 0; i < 50 && !this.#state.isAway && hasPendingNotices(scopeKey(this.#user)); i++) {
        await new Promise(setImmediate)
      }
      // The flush queues behind the one that a timer started.
      await buffer?.flush(this.#user)
    }
  }

  /** Ignores a write that is refused while the lock is unreachable: it has no effect. */
  async #write(write: Write, by: number): Promise<void> {
    try {
      await this.#writeOrFail(write, by)
    } catch (error) {
      if (!(this.#state.isAway && error instanceof AppError)) throw error
    }
  }

  async #writeOrFail(write: Write, by: number): Promise<void> {
    const { engine, intake, buffer } = this.#of(by)
    const live = await this.#live()
    switch (write.do) {
      case 'add': {
        const { conversation } = write
        const turn = this.#latest[conversation] - write.back
        if (turn < this.#firstTurn) return
        const key = `${conversation} ${turn}`
        const before = write.extends ? (this.#said.get(key) ?? []) : []
        const says = `My box number ${++this.#items} holds item${this.#items}x`
        const content = write.asks ? `Did you know that ${says}?` : `${says}.`
        const messages = [...before, { role: 'user' as const, content }]
        this.#said.set(key, messages)
        await intake.add(this.#user, { messages, conversationId: conversation, turn }, undefined)
        break
      }
      case 'delete': {
        const memory = live[write.nth % live.length]
        if (!memory) return
        await engine.remove(this.#user, memory.id)
        if (memory.kind !== 'pending') this.#deleted.push(memory.id)
        break
      }
      case 'restore': {
        const id = this.#deleted.at(-1 - write.nth)
        if (id && !live.some((one) => one.id === id)) await engine.restore(this.#user, id, undefined, null)
        break
      }
      case 'correct': {
        const memory = live.filter(({ kind }) => kind !== 'pending')[write.nth % live.length]
        if (!memory) return
        await engine.revise(this.#user, memory.id, { text: `The box holds item${++this.#items}x.` }, null)
        break
      }
      case 'forget':
        await engine.forget(this.#user)
        await buffer?.reload(this.#user)
        this.#deleted.length = 0
        break
    }
  }

  /** Reads the live memories from the store. */
  async #live(): Promise<Memory[]> {
    return (await this.#of(0).engine.list(this.#user, { limit: 1000, accept: () => true })).memories
  }

  /** @param isDuring the recall runs inside a write whose effect is undecided, so the result is not checked */
  async #ask(ask: Ask, by: number, isDuring = false): Promise<void> {
    const { conversation, strategy, freshness, refresh } = ask
    const { told = (n: number) => n } = this.#options
    const turn = Math.max(this.#firstTurn, this.#latest[conversation] + ask.ahead)
    this.#latest[conversation] = turn
    const before = await this.#live()
    this.#state.beforeFill = ask.during && (() => this.#write(ask.during as Write, by))
    const result = await this.#of(by).strategies.recall(this.#user, {
      ...{ query: 'Which box holds what?', strategy, freshness, refresh, conversationId: conversation, turn },
      ...{ windowSize: told(this.#windows[conversation]), topK: 100, tokenBudget: 100_000 },
    })
    const hadWrite = ask.during !== undefined && this.#state.beforeFill === undefined
    this.#state.beforeFill = undefined
    const outcome = `${result.strategy} ${result.cache.reason}`
    this.tally[outcome] = (this.tally[outcome] ?? 0) + 1
    if (isDuring) return
    const after = hadWrite ? await this.#live() : before
    check({ ask, turn, windowSize: this.#windows[conversation], before, after, result })
  }
}
