/*
 * npm run outcomes -- --dify URL [--app-key KEY] [--user ID]… [--since 30d] [--outcome thumbs]
 *   [--url http://127.0.0.1:8484] [--key KEY]
 *
 * Records the ratings that users gave to messages in Dify as outcomes of experiments. The key of the app is --app-key or
 * DIFY_APP_KEY, and is never printed. Can be interrupted and repeated: a rating counts once, and a changed or withdrawn
 * one replaces what was recorded. Exit codes: 0 success, 1 failure, 130 interrupted.
 */
import { parseArgs } from 'node:util'
import { DIFY_OPTIONS, openSources } from './dify/options.ts'
import { type PullCounts, pullRatings } from './dify/pull-ratings.ts'
import { type CommandContext, runCommand } from './transfer/command.ts'
import { progressBar } from './transfer/progress.ts'

/** See the head of this file. */
export async function outcomesCommand(context: CommandContext): Promise<number> {
  const { args, env, stdout, stderr, interruptible } = context
  const { values } = parseArgs({
    args,
    options: { ...DIFY_OPTIONS, outcome: { type: 'string', default: 'thumbs' } },
  })
  const bar = progressBar('outcomes', stderr)
  const sources = await openSources(values, env, bar)
  let counts: PullCounts
  try {
    const users = [...new Set(values.user)]
    counts = await pullRatings({ ...sources, users, outcome: values.outcome, bar, signal: interruptible() })
  } finally {
    bar.end()
  }
  stdout.write(`${describe(counts)}\n`)
  return counts.interrupted ? 130 : 0
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
