import type { Triggers } from '../../memory/model/pending.ts'
import type { AppRules } from '../../memory/rules/rules.ts'

export interface BufferSettings extends Triggers {
  /** Batches that are learned from at once, of whatever scopes. */
  concurrency: number
  /** Turns of one scope that may wait; further ones are refused until some have been learned from. */
  maxTurnsPerScope: number
  /** Turns of all scopes that may wait: each takes about half a kilobyte of memory here. */
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
 * What starts a flush. `window`: a turn is about to leave the chat window. `end`: the conversation is over. `sync`: the
 * caller of one turn waits. `explicit`: somebody asked. `replay`: somebody asked for what had failed. `start`: an
 * earlier process left it.
 */
export type FlushReason =
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

/** What the rules of an app say of when its turns are learned from; the rest is as the sidecar is set. */
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
