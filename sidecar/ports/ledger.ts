import type { Account, ModelUnavailable, Purpose } from './language-model.ts'

/** One external call, successful or not. Tokens as counted by the provider; 0 if it reported none. */
export interface LedgerEntry extends Account {
  /** Start of the call, epoch milliseconds. */
  at: number
  purpose: Purpose | 'embed'
  model: string
  tokensIn: number
  tokensOut: number
  /** The part of `tokensIn` that the provider read from its cache. */
  tokensCached: number
  latencyMs: number
  /** Attempts before this one. */
  retries: number
  outcome: 'ok' | Exclude<ModelUnavailable['reason'], 'circuit_open'>
}

/** Called for every external call. Never throws and never blocks: a lost entry must not lose a memory. */
export type RecordCall = (entry: LedgerEntry) => void
