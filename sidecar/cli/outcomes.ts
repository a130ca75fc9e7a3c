/*
 * npm run outcomes -- --dify URL [--app-key KEY] [--user ID]… [--since 30d] [--outcome thumbs]
 *   [--url http://127.0.0.1:8484] [--key KEY]
 *
 * Records the ratings that users gave to messages in Dify as outcomes of experiments. The key of the app is --app-key or
 * DIFY_APP_KEY, and is never printed. Can be interrupted and repeated: a rating counts once, and a changed or withdrawn
 * one replaces what was recorded. Exit codes: 0 success, 1 failure, 130 interrupted.
 */
import { parseArgs } from 'node:util'
import { parseSince } from '../experiments/replay/options.ts'
import { AppError } from '../ports/errors.ts'
import { createDify } from './ratings/dify.ts'
import { type PullCounts, pullRatings } from './ratings/pull-ratings.ts'
import { createClient } from './transfer/client.ts'
import { type CommandContext, runCommand } from './transfer/command.ts'
import { connectionOptions } from './transfer/connection-options.ts'
import { CliError, required } from './transfer/input/cli-error.ts'
import { progressBar } from './transfer/progress.ts'

const REQUEST_TIMEOUT_MS = 30_000

/** See the head of this file. */
export async function outcomesCommand(context: CommandContext): Promise<number> {
  const { args, env, stdout, stderr } = context
  const string = { type: 'string' } as const
  const { values } = parseArgs({
    args,
    options: {
      ...{ dify: string, 'app-key': string, since: string, url: string, key: string },
      outcome: { ...string, default: 'thumbs' },
      user: { ...string, multiple: true, default: [] },
    },
  })
  const url = required(
    '--dify',
    'the address of the API of Dify, such as https://api.dify.ai/v1',
    values.dify,
  )
  const appKey = required(
    '--app-key',
    'an API key of the app (or set DIFY_APP_KEY)',
    values['app-key'] ?? env['DIFY_APP_KEY']?.trim(),
  )
  const since = values.since === undefined ? undefined : timeOf(values.since)
  const bar = progressBar('outcomes', stderr)
  const onWait = (ms: number, reason: string) =>
    bar.say(`retrying in ${(ms / 1000).toFixed(1)} s: ${reason.replaceAll(appKey, '***')}`)
  const dify = createDify({ url, key: appKey, onWait })
  const connection = connectionOptions(values, env)
  const sidecar = createClient({ ...connection, requestTimeoutMs: REQUEST_TIMEOUT_MS, onWait })
  await sidecar.checkConnection()
  let counts: PullCounts
  try {
    counts = await pullRatings({
      ...{ dify, sidecar, users: [...new Set(values.user)], since, outcome: values.outcome },
      ...{ bar, signal: context.interruptible() },
    })
  } finally {
    bar.end()
  }
  stdout.write(`${describe(counts)}\n`)
  return counts.interrupted ? 130 : 0
}

/** @param since a duration before `now`, or an ISO 8601 time */
function timeOf(since: string): number {
  try {
    return parseSince(since, Date.now())
  } catch (error) {
    throw error instanceof AppError ? new CliError(`--${error.message}`) : error
  }
}

function describe({ users, conversations, messages, likes, dislikes, unassigned, interrupted }: PullCounts) {
  const status = interrupted ? 'Interrupted (run the command again to continue)' : 'Done'
  const rest = unassigned > 0 ? `; conversations in no experiment: ${unassigned}` : ''
  return (
    `${status}. Users: ${users}, conversations: ${conversations}, messages: ${messages}; ` +
    `likes: ${likes}, dislikes: ${dislikes}${rest}.`
  )
}

if (import.meta.main) await runCommand(outcomesCommand)
