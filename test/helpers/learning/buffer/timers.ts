import type { Clock } from '../../clock.ts'
import { sqliteInProcess } from '../../sqlite.ts'

type Timers = Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>

export interface FakeTimers extends Timers {
  /** Advances the clock and runs each due timer at its time. */
  advance: (milliseconds: number) => Promise<void>
  /** Milliseconds until each active timer, soonest first. */
  set: () => number[]
  fired: number
}

/** Longest delay of a Node timer; a longer one fires at once. */
const MAX_DELAY = 2 ** 31 - 1

/** Limit for one `advance`: a timer that is set again and again for the same time would never end. */
const MOST_FIRED = 20_000

/** Timers that depend on the given clock only. */
export function fakeTimers(clock: Clock, sqlite = sqliteInProcess): FakeTimers {
  const running = new Map<object, { at: number; run: () => void }>()
  const soonest = () => [...running.entries()].sort(([, a], [, b]) => a.at - b.at)[0]
  const fake = {
    fired: 0,
    setTimeout(run: () => void, delay = 0) {
      const timer = { unref: () => timer }
      running.set(timer, { at: clock.now() + (delay > MAX_DELAY ? 1 : Math.max(0, delay)), run })
      return timer
    },
    clearTimeout: (timer: object | undefined) => void (timer && running.delete(timer)),
    set: () => [...running.values()].map(({ at }) => at - clock.now()).sort((a, b) => a - b),
    async advance(milliseconds: number) {
      const end = clock.now() + milliseconds
      const before = fake.fired
      for (;;) {
        await quiet(150, sqlite)
        if (fake.fired - before > MOST_FIRED)
          throw new Error(`advance: expected at most ${MOST_FIRED} timers`)
        const next = soonest()
        if (!next || next[1].at > end) break
        clock.advance(Math.max(0, next[1].at - clock.now()))
        for (const [timer, { at, run }] of [...running]) {
          if (at > clock.now() || !running.delete(timer)) continue
          fake.fired++
          run()
        }
      }
      clock.advance(Math.max(0, end - clock.now()))
    },
  }
  return fake as unknown as FakeTimers
}

/** Waits until SQLite has had no request for this number of event loop turns: all work without timers is done then. */
export async function quiet(idleTurns = 150, sqlite = sqliteInProcess): Promise<void> {
  for (let i = 0; i < idleTurns; i = sqlite.pending > 0 ? 0 : i + 1) await turns(1)
}

/** Waits until a condition holds, at most 5000 event loop turns without a pending SQLite request. */
export async function until(isSo: () => boolean, what = String(isSo)): Promise<void> {
  for (let i = 0; i < 5000; i += sqliteInProcess.pending > 0 ? 0 : 1) {
    if (isSo()) return
    await turns(1)
  }
  throw new Error(`did not become true: ${what}`)
}

/** Waits for a number of event loop turns. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}
