export interface BufferSettings {
  /** Tokens of a scope that start a flush. */
  flushTokens: number
  /** Milliseconds without a new turn that start a flush. */
  idleMs: number
  /** Batches that are learned from at once, of whatever scopes. */
  concurrency: number
  /** Turns of one scope that may wait; further ones are refused until some have been learned from. */
  maxTurnsPerScope: number
  /** Turns of all scopes that may wait: each takes about half a kilobyte of memory here. */
  maxTurns: number
}

export const DEFAULT_BUFFER: BufferSettings = {
  flushTokens: 1024,
  idleMs: 60_000,
  concurrency: 4,
  maxTurnsPerScope: 10_000,
  maxTurns: 100_000,
}

/** `sync`: the caller of one turn waits. `explicit`: somebody asked. `start`: an earlier process left it. */
export type FlushReason = 'tokens' | 'idle' | 'retry' | 'start' | 'explicit' | 'sync'
