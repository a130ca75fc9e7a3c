import { randomUUID } from 'node:crypto'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import { type AddRequest, addTurn } from '../memory/add.ts'
import type { MemoryEngine } from '../memory/engine.ts'
import type { PendingTurn, Triggers } from '../memory/pending.ts'
import { idOfCall } from '../memory/place.ts'
import { getTurn } from '../memory/repositories/turns.ts'
import { tokensOf } from '../memory/turns.ts'
import type { IntakeLog } from '../ports/intake-log.ts'
import type { JsonObject, RecordStore } from '../ports/records.ts'
import { parseScopeKey } from '../scope.ts'
import { letRequestsRun } from '../time-slice.ts'

/** A turn as it was accepted: all that its place among the records follows from. */
export interface AcceptedTurn {
  scope: string
  turnId: string
  request: AddRequest
  expiresAt: number | null
  triggers?: Partial<Triggers> | undefined
  /** Epoch milliseconds. */
  at: number
}

export interface WriteAheadOptions {
  intakeLog: IntakeLog
  records: RecordStore
  engine: Pick<MemoryEngine, 'change'>
  /** Told of each turn that is among the records now, and waits there to be learned from. */
  onTaken: (scope: string, pending: PendingTurn) => void
  countTokens: (text: string) => number
  log: Pick<Log, 'warn'>
  timers?: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'> | undefined
}

/** What the log holds: with an identifier that tells a turn that was brought to its place from one that was not. */
interface Logged extends AcceptedTurn {
  id: string
}

interface Underway {
  turn: Logged
  place: number
  tokens: number
}

/** The turns of one scope that are on their way, one after the other. */
class Line {
  readonly turns: Underway[] = []
  /** Also of those that are still being logged. */
  readonly ids = new Set<string>()
  running: Promise<void> | undefined
  tokens = 0
}

/** Turns and bytes on their way at the most; who comes then waits until his turn is among the records. */
const MAX_TURNS = 1000
const MAX_BYTES = 32 * 1024 * 1024

/** Turns that the log lets go of together: the disk has to confirm the records once for all of them. */
const LET_GO_TURNS = 1000
const LET_GO_MS = 500

/** Pause before turns that the records did not take are tried again, milliseconds. */
const PAUSE_MS = 1000

/**
 * Turns that are durable in a log and on their way to the records. There a turn costs two dozen pages, and the words
 * that it is found by have to be read out of it; in the log it is one page, and that is what its caller waits for.
 *
 * Whoever reads of a scope waits for `caughtUp` before: nobody sees that a turn is still on its way. The log lets go of
 * a turn when the disk has confirmed the records that hold it. What it has at a start is brought to its place then.
 */
export class WriteAhead {
  readonly #options: WriteAheadOptions
  readonly #lines = new Map<string, Line>()
  #turns = 0
  #bytes = 0
  /** Places of turns that are among the records, where the disk may not have them yet. */
  readonly #taken = new Set<number>()
  #lettingGo: Promise<void> = Promise.resolve()
  #letGoTimer: NodeJS.Timeout | undefined
  #retryTimer: NodeJS.Timeout | undefined
  #isStuck = false
  #isClosing = false

  constructor(options: WriteAheadOptions) {
    this.#options = options
  }

  /** Brings to its place what an earlier process has left, as far as the records take it. */
  async start(): Promise<void> {
    const { intakeLog, records } = this.#options
    for (const { place, body } of intakeLog.entries()) {
      const turn = body as unknown as Logged
      const stored = await getTurn(records, turn.scope, turn.turnId)
      if (stored?.logged === turn.id) this.#taken.add(place)
      else {
        const line = this.#enter(turn)
        line.turns.push({ turn, place, tokens: this.#count(line, turn) })
      }
    }
    await this.#runAll()
    await this.letGo()
  }

  /**
   * Takes a turn that nobody has posted before. When this resolves, it is durable.
   * @param onCounted called when `counts` tells of it
   * @returns its identifier; `undefined` for a turn that has to take its place at once: one that is there already, one
   * whose number depends on those before it, or one of more than can be on their way
   */
  async take(
    turn: Omit<AcceptedTurn, 'turnId'>,
    onCounted: () => void = () => {},
  ): Promise<string | undefined> {
    const { intakeLog, records } = this.#options
    const { scope, request } = turn
    const turnId = idOfCall(request)
    const isKnown = () => this.#lines.get(scope)?.ids.has(turnId as string) === true
    if (turnId === undefined || isKnown() || (await getTurn(records, scope, turnId))) return undefined
    // Another call of the same turn may have looked at the same time.
    if (isKnown() || this.#isFull || this.#isClosing) return undefined
    const logged: Logged = { ...turn, turnId, id: randomUUID() }
    const line = this.#enter(logged)
    onCounted()
    let tokens = 0
    try {
      const appended = intakeLog.append(logged as unknown as JsonObject)
      // While the disk works.
      tokens = this.#count(line, logged)
      line.turns.push({ turn: logged, place: await appended, tokens })
    } catch (error) {
      this.#leave(line, logged, tokens)
      throw error
    }
    void this.#run(line)
    return turnId
  }

  /** Resolves when nothing of a scope is on its way that was accepted before; `undefined` where nothing is. */
  caughtUp(scope: string): Promise<void> | undefined {
    return this.#lines.get(scope)?.running
  }

  /**
   * The same for whoever writes.
   * @throws {AppError} `backend_unavailable` when the records do not take what came before
   */
  async assertCaughtUp(scope: string): Promise<void> {
    await this.caughtUp(scope)
    if ((this.#lines.get(scope)?.turns.length ?? 0) > 0) {
      const message =
        'Earlier turns of this user are safe, and the record store does not take them at the moment.'
      throw new AppError('backend_unavailable', message, { retryAfterS: 5 })
    }
  }

  /** How many turns of a scope are on their way, and their tokens. */
  counts(scope: string): { turns: number; tokens: number } {
    const line = this.#lines.get(scope)
    return { turns: line?.ids.size ?? 0, tokens: line?.tokens ?? 0 }
  }

  get size(): number {
    return this.#turns
  }

  /** Lets the log go of what is among the records, as far as the disk takes part. */
  async letGo(): Promise<void> {
    this.#lettingGo = this.#lettingGo.then(() => this.#letGoOnce())
    await this.#lettingGo
  }

  /**
   * The same for whoever has erased records: when this resolves, they do not come back at a start.
   * @throws {AppError} `backend_unavailable` when they may
   */
  async assertLetGo(): Promise<void> {
    const places = [...this.#taken]
    await this.letGo()
    if (places.some((place) => this.#taken.has(place))) {
      const message = 'It is erased, and the log of accepted turns still has some of it: call again.'
      throw new AppError('backend_unavailable', message, { retryAfterS: 5 })
    }
  }

  /** Resolves when all that is on its way has been brought to its place, as far as the records take it. */
  async close(): Promise<void> {
    const { timers = globalThis, intakeLog } = this.#options
    this.#isClosing = true
    timers.clearTimeout(this.#retryTimer)
    await this.#runAll()
    await this.letGo()
    timers.clearTimeout(this.#letGoTimer)
    await intakeLog.close()
  }

  get #isFull(): boolean {
    return this.#turns >= MAX_TURNS || this.#bytes >= MAX_BYTES
  }

  #enter(turn: Logged): Line {
    const line = this.#lines.get(turn.scope) ?? new Line()
    this.#lines.set(turn.scope, line)
    line.ids.add(turn.turnId)
    this.#turns += 1
    this.#bytes += bytesOf(turn)
    return line
  }

  #count(line: Line, { request }: Logged): number {
    const tokens = tokensOf(request.messages, this.#options.countTokens)
    line.tokens += tokens
    return tokens
  }

  #leave(line: Line, turn: Logged, tokens: number): void {
    line.ids.delete(turn.turnId)
    line.tokens -= tokens
    this.#turns -= 1
    this.#bytes -= bytesOf(turn)
    if (line.ids.size === 0) this.#lines.delete(turn.scope)
  }

  async #runAll(): Promise<void> {
    await Promise.all([...this.#lines.values()].map((line) => this.#run(line)))
  }

  async #run(line: Line): Promise<void> {
    if (line.turns.length > 0) line.running ??= this.#bringAll(line)
    await line.running
  }

  /** Stops at the first that is not taken: turns keep their order. Never rejects. */
  async #bringAll(line: Line): Promise<void> {
    for (let first = line.turns[0]; first; first = line.turns[0]) {
      await letRequestsRun()
      try {
        await this.#bring(first)
      } catch (error) {
        // Once, and not for every turn that waits behind it.
        if (!this.#isStuck) this.#options.log.warn('turns wait in the log', { error: String(error) })
        this.#isStuck = true
        this.#tryLater()
        break
      }
      this.#isStuck = false
      line.turns.shift()
      this.#leave(line, first.turn, first.tokens)
      this.#taken.add(first.place)
      this.#letGoLater()
    }
    // In one step with the look that found no more: a turn that is logged from now on begins anew.
    line.running = undefined
  }

  async #bring({ turn, tokens }: Underway): Promise<void> {
    const { id, scope, turnId, request, expiresAt, triggers, at } = turn
    const { engine, onTaken } = this.#options
    const placed = request.conversationId === undefined ? { ...request, turnId } : request
    const { pending } = await addTurn(engine, parseScopeKey(scope), placed, {
      ...{ learn: true, isLazy: true, at, logged: id },
      ...{ expiresAt, triggers, countTokens: () => tokens },
    })
    if (pending) onTaken(scope, pending)
  }

  #tryLater(): void {
    const { timers = globalThis } = this.#options
    if (this.#isClosing) return
    this.#retryTimer ??= timers.setTimeout(() => {
      this.#retryTimer = undefined
      void this.#runAll()
    }, PAUSE_MS)
  }

  #letGoLater(): void {
    const { timers = globalThis } = this.#options
    if (this.#taken.size === LET_GO_TURNS) void this.letGo()
    if (this.#isClosing) return
    this.#letGoTimer ??= timers.setTimeout(() => {
      this.#letGoTimer = undefined
      void this.letGo()
    }, LET_GO_MS)
    this.#letGoTimer?.unref?.()
  }

  /** Never rejects: what could not be let go of is let go of later. */
  async #letGoOnce(): Promise<void> {
    const { intakeLog, records, log } = this.#options
    const places = [...this.#taken]
    if (places.length === 0) return
    try {
      await records.commit([])
      await intakeLog.remove(places)
      for (const place of places) this.#taken.delete(place)
    } catch (error) {
      log.warn('the log of turns does not let go of what is stored', { error: String(error) })
    }
  }
}

/** What it takes in memory, roughly. */
function bytesOf({ request }: Logged): number {
  return 2 * request.messages.reduce((sum, { content }) => sum + content.length, 0)
}
