import { parseArgs } from 'node:util'
import { REPLAY_FORMATS, type ReplayFormat } from '../../experiments/replay/format.ts'
import {
  DEFAULT_OPTIONS,
  MAX_WINDOW_SIZE,
  MAX_WINDOWS,
  parseSince,
  type ReplayOptions,
} from '../../experiments/replay/options.ts'
import { invalid } from '../../ports/errors.ts'
import { STRATEGIES } from '../../retrieval/strategies/request.ts'

export interface ReplayArguments {
  options: ReplayOptions
  format: ReplayFormat
  /** File for the report; absent: stdout. */
  to: string | undefined
  /** File for the progress of an interrupted run; absent: one in the temporary folder. */
  state: string | undefined
  /** The same for the same options, whenever the replay starts. */
  identity: string
}

const MAX_TOP_K = 100
const MAX_TOKEN_BUDGET = 100_000

/** @throws {Error} for an unknown option or a bad value */
export function readArguments(args: readonly string[], now: number): ReplayArguments {
  const string = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ user: string, app: string, namespace: string, since: string, strategies: string, windows: string },
      ...{ 'refresh-on-shift': string, 'top-k': string, 'token-budget': string },
      ...{ format: string, to: string, state: string },
    },
  })
  const { user, app, namespace, since, strategies, windows, format = formatOf(values.to), to, state } = values
  const shift = values['refresh-on-shift']
  const options: ReplayOptions = {
    namespace,
    userId: user,
    appId: app,
    since: since === undefined ? undefined : parseSince(since, now),
    strategies: strategies === undefined ? DEFAULT_OPTIONS.strategies : oneOfEach(strategies),
    windows: windows === undefined ? DEFAULT_OPTIONS.windows : windowSizes(windows),
    refreshOnShift: shift === undefined ? undefined : shareOf(shift),
    topK: integer('--top-k', values['top-k'], 1, MAX_TOP_K, DEFAULT_OPTIONS.topK),
    tokenBudget: integer(
      ...(['--token-budget', values['token-budget'], 0, MAX_TOKEN_BUDGET] as const),
      DEFAULT_OPTIONS.tokenBudget,
    ),
  }
  const known = REPLAY_FORMATS.find((one) => one === format)
  if (!known) throw invalid('--format', `one of ${REPLAY_FORMATS.join(', ')}`, format)
  const identity = JSON.stringify({ ...options, since: since ?? null })
  return { options, format: known, to, state, identity }
}

function formatOf(file: string | undefined): string {
  if (file?.endsWith('.json')) return 'json'
  return file?.endsWith('.csv') ? 'csv' : 'markdown'
}

function oneOfEach(list: string) {
  const names = list.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !STRATEGIES.some((known) => known === name))
  if (unknown !== undefined) throw invalid('--strategies', `values from ${STRATEGIES.join(',')}`, unknown)
  return STRATEGIES.filter((known) => names.includes(known))
}

function windowSizes(list: string): number[] {
  const sizes = [...new Set(list.split(',').map((size) => integer('--windows', size, 1, MAX_WINDOW_SIZE, 0)))]
  if (sizes.length > MAX_WINDOWS) throw invalid('--windows', `at most ${MAX_WINDOWS} sizes`, list)
  return sizes
}

function shareOf(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (value >= 0 && value <= 1) return value
  throw invalid('--refresh-on-shift', 'a number from 0 to 1', text)
}

function integer(option: string, text: string | undefined, min: number, max: number, byDefault: number) {
  if (text === undefined) return byDefault
  const value = /^\s*\d+\s*$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw invalid(option, `an integer from ${min} to ${max}`, text)
}
