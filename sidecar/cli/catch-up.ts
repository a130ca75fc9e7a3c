/*
 * npm run catch-up -- --dify URL [--app-key KEY] [--user ID]… [--conversation ID]… [--since 7d] [--app ID]
 *   [--url http://127.0.0.1:8484] [--key KEY] [--dry-run]
 *
 * Adds the turns that the sidecar missed, from the messages of an app in Dify. The key of the app is --app-key or
 * DIFY_APP_KEY, and is never printed. Can be interrupted and repeated: turns that the sidecar has are left alone.
 * Exit codes: 0 success, 1 failure, 2 some turns were refused, 130 interrupted.
 */
import { parseArgs } from 'node:util'
import { type CatchUpCounts, catchUp } from './dify/catch-up.ts'
import { DIFY_OPTIONS, openSources } from './dify/options.ts'
import { type CommandContext, runCommand } from './transfer/command.ts'
import { CliError } from './transfer/input/cli-error.ts'
import { progressBar } from './transfer/progress.ts'

/** See the head of this file. */
export async function catchUpCommand(context: CommandContext): Promise<number> {
  const { args, env, stdout, stderr, interruptible } = context
  const string = { type: 'string' } as const
  const { values } = parseArgs({
    args,
    options: {
      ...DIFY_OPTIONS,
      app: string,
      conversation: { ...string, multiple: true, default: [] },
      'dry-run': { type: 'boolean', default: false },
    },
  })
  if (values.conversation.length > 0 && values.user.length !== 1) {
    throw new CliError('--user: expected the one user of the conversations of --conversation')
  }
  const isDryRun = values['dry-run']
  const bar = progressBar('catch-up', stderr)
  const sources = await openSources(values, env, bar)
  let counts: CatchUpCounts
  try {
    counts = await catchUp({
      ...sources,
      users: [...new Set(values.user)],
      conversations: [...new Set(values.conversation)],
      appId: values.app,
      ...{ isDryRun, bar, signal: interruptible() },
    })
  } finally {
    bar.end()
  }
  stdout.write(`${describe(counts, isDryRun)}\n`)
  if (counts.interrupted) return 130
  return counts.refused > 0 ? 2 : 0
}

function describe(counts: CatchUpCounts, isDryRun: boolean): string {
  const { users, conversations, added, present, refused, interrupted } = counts
  const status = interrupted ? 'Interrupted (run the command again to continue)' : 'Done'
  return (
    `${isDryRun ? 'Dry run' : status}. Users: ${users}, conversations: ${conversations}; turns ` +
    `${isDryRun ? 'to add' : 'added'}: ${added}, already present: ${present}` +
    `${refused > 0 ? `, refused: ${refused}` : ''}.`
  )
}

if (import.meta.main) await runCommand(catchUpCommand)
