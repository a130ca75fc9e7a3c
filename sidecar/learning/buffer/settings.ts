import type { Triggers } from '../../memory/model/pending.ts'
import type { AppRules } from '../../memory/rules/rules.ts'

export interface BufferSettings extends Triggers {
  /** Maximum concurrent batches over all scopes. */
  concurrency: number
  /** Maximum pending turns of one scope. */
  maxTurnsPerScope: number
  /** Maximum pending turns of all scopes; each takes about 0.5 kB of memory. */
  maxTurns: number
}

export const DEFAULT_BUFFER: BufferSettings = {
  flushTokens: 1024,
  flushTurns: 0,
  idleMs: 60_000,
  windowAhead: 2,
  concurrency: 4,
  maxTurnsPerScope: 10_000,
  maxTurns: 100_000,
}

/**
 * What starts a flush. `window`: a turn is about to leave the chat window; `end`: the conversation ended; `sync`: the
 * request that added the turn waits; `explicit`: a flush request; `replay`: a replay of failed turns; `start`: an
 * earlier process left the turns.
 */
export type FlushTrigger =
  | 'tokens'
  | 'turns'
  | 'idle'
  | 'window'
  | 'end'
  | 'explicit'
  | 'sync'
  | 'replay'
  | 'retry'
  | 'start'

/** The thresholds that the rules of an app override. */
export function triggersOf({ flush }: AppRules): Partial<Triggers> | undefined {
  const { tokens, turns, idle_s, window_ahead } = flush
  const own = {
    ...(tokens === null ? {} : { flushTokens: tokens }),
    ...(turns === null ? {} : { flushTurns: turns }),
    ...(idle_s === null ? {} : { idleMs: idle_s * 1000 }),
    ...(window_ahead === null ? {} : { windowAhead: window_ahead }),
  }
  return Object.keys(own).length > 0 ? own : undefined
}
