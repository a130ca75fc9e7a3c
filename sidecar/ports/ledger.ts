import type { Account, Purpose } from './language-model.ts'

/** One external call, successful or not. Tokens as the provider counted them; 0 where it did not say. */
export interface LedgerEntry extends Account {
  /** Epoch milliseconds at which the call began. */
  at: number
  purpose: Purpose | 'embed'
  model: string
  tokensIn: number
  tokensOut: number
  /** Of `tokensIn`, those the provider had cached. */
  tokensCached: number
  latencyMs: number
  /** Tries before this one. */
  retries: number
  outcome: 'ok' | 'timeout' | 'rate_limited' | 'refused_key' | 'server_error' | 'bad_answer' | 'unreachable'
}

/** Takes an entry for every external call. Never throws and never waits: a lost row must not lose a memory. */
export type RecordCall = (entry: LedgerEntry) => void
