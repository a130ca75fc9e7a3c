import { openSqliteRecords } from '../../../sidecar/adapters/records/sqlite.ts'
import type { Services } from '../../../sidecar/compose.ts'
import type { Memory } from '../../../sidecar/memory/memory.ts'
import { type Scope, scopeKey } from '../../../sidecar/scope.ts'
import { stoppedClock } from '../../helpers/clock.ts'
import { check } from './check.ts'
import { itemModel } from './item-model.ts'
import { type Sabotage, testState } from './scope-state.ts'
import { openService } from './service.ts'
import type { Ask, Conversation, Schedule, Step, Write } from './steps.ts'

const ADA: Scope = { namespace: 'n', userId: 'ada' }

export interface WorldOptions {
  sabotage?: Sabotage | undefined
  /** What the sidecar is told of a window of size `n`. */
  told?: (n: number) => number
}

/** Runs a schedule against the real service, and checks after every recall what must be true of it. */
export async function run({ learns, windows, steps }: Schedule, options: WorldOptions = {}): Promise<Tally> {
  const world = new World(learns, windows, options)
  try {
    for (const step of steps) await world.take(step)
    return world.tally
  } finally {
    await world.close()
  }
}

/** How many recalls ended how. */
export type Tally = Record<string, number>

class World {
  readonly tally: Tally = {}
  readonly #clock = stoppedClock()
  readonly #records = openSqliteRecords(':memory:')
  readonly #model = itemModel()
  readonly #windows: Record<Conversation, number>
  readonly #told: (n: number) => number
  readonly #learns: boolean
  readonly #sabotage: Sabotage | undefined
  readonly #latest: Record<Conversation, number> = { a: 0, b: 0 }
  readonly #said = new Map<string, string>()
  readonly #deleted: string[] = []
  #beforeCommit: (() => Promise<void>) | undefined
  #lastAsk: Ask | undefined
  #items = 0
  #commits = 0
  readonly #timers = new Map<object, () => void>()
  #state: ReturnType<typeof testState>
  #services: Services

  constructor(
    learns: boolean,
    windows: Record<Conversation, number>,
    { sabotage, told = (n) => n }: WorldOptions,
  ) {
    this.#learns = learns
    this.#windows = windows
    this.#told = told
    this.#sabotage = sabotage
    this.#state = testState(this.#clock.now, () => this.#commits, sabotage)
    this.#services = this.#start()
  }

  async take(step: Step): Promise<void> {
    // No two things happen at one moment.
    this.#clock.advance(1)
    switch (step.do) {
      case 'ask':
        this.#lastAsk = step
        return await this.#ask(step)
      case 'askDuring':
        this.#beforeCommit = async () => {
          if (this.#lastAsk) await this.#ask({ ...this.#lastAsk, ahead: 0, during: undefined }, true)
        }
        await this.#write(step.write)
        this.#beforeCommit = undefined
        return
      case 'learn':
        await this.#services.buffer?.flush(ADA)
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
        await this.#services.buffer?.close()
        // What was owed to a state that stays is lost with the process: it is paid before.
        this.#state.isAway = false
        await this.#fireTimers()
        if (!step.keepsState) this.#state = testState(this.#clock.now, () => this.#commits, this.#sabotage)
        this.#services = this.#start()
        await this.#services.buffer?.start()
        return
      case 'state':
        this.#state.isAway = step.away
        return
      default:
        return await this.#write(step)
    }
  }

  async close(): Promise<void> {
    await this.#services.buffer?.close()
    await this.#services.engine.drained()
    await this.#records.close()
  }

  #start(): Services {
    return openService({
      records: this.#records,
      state: this.#state,
      clock: this.#clock,
      model: this.#learns ? this.#model : undefined,
      timers: this.#timers,
      beforeCommit: async () => {
        const first = this.#beforeCommit
        this.#beforeCommit = undefined
        await first?.()
      },
      afterCommit: () => void this.#commits++,
    })
  }

  /** Time enough for all that waits: the scope state is told what it missed, if it is there, and turns are learned. */
  async #fireTimers(): Promise<void> {
    for (const [timer, task] of [...this.#timers]) if (this.#timers.delete(timer)) task()
    const { buffer, isSettled } = this.#services
    for (let i = 0; i < 50 && !this.#state.isAway && !isSettled(scopeKey(ADA)); i++) {
      await new Promise(setImmediate)
    }
    // Stands in line behind what has begun.
    await buffer?.flush(ADA)
  }

  async #write(write: Write): Promise<void> {
    const { engine, intake, buffer } = this.#services
    const live = await this.#live()
    switch (write.do) {
      case 'add': {
        const { conversation } = write
        const turn = this.#latest[conversation] - write.back
        if (turn < 1) return
        const key = `${conversation} ${turn}`
        const before = write.extends ? (this.#said.get(key) ?? '') : ''
        const content = `${before} My box number ${++this.#items} holds item${this.#items}x.`.trim()
        this.#said.set(key, content)
        await intake.add(
          ADA,
          { messages: [{ role: 'user', content }], conversationId: conversation, turn },
          undefined,
        )
        break
      }
      case 'delete': {
        const memory = live[write.nth % live.length]
        if (!memory) return
        await engine.remove(ADA, memory.id)
        if (memory.kind !== 'pending') this.#deleted.push(memory.id)
        break
      }
      case 'restore': {
        const id = this.#deleted.at(-1 - write.nth)
        if (id && !live.some((one) => one.id === id)) await engine.restore(ADA, id, undefined, null)
        break
      }
      case 'correct': {
        const memory = live.filter(({ kind }) => kind !== 'pending')[write.nth % live.length]
        if (!memory) return
        await engine.revise(ADA, memory.id, { text: `The box holds item${++this.#items}x.` }, null)
        break
      }
      case 'forget':
        await engine.forget(ADA)
        await buffer?.forgotten(ADA)
        this.#deleted.length = 0
        break
    }
  }

  /** What is remembered at the moment, straight from the store. */
  async #live(): Promise<Memory[]> {
    return (await this.#services.engine.list(ADA, { limit: 1000, accept: () => true })).memories
  }

  /** @param isDuring within a write, which may take effect or not: only what stands on both sides is checked */
  async #ask(ask: Ask, isDuring = false): Promise<void> {
    const { conversation, strategy, freshness, refresh } = ask
    const turn = Math.max(1, this.#latest[conversation] + ask.ahead)
    this.#latest[conversation] = turn
    const before = await this.#live()
    this.#state.beforeFill = ask.during && (() => this.#write(ask.during as Write))
    const result = await this.#services.strategies.recall(ADA, {
      ...{ query: 'Which box holds what?', strategy, freshness, refresh, conversationId: conversation, turn },
      ...{ windowSize: this.#told(this.#windows[conversation]), topK: 100, tokenBudget: 100_000 },
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
