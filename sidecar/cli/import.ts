/*
 * npm run import -- --from FILE [--format auto|messages|dify|mem0|document|hippocache] [--user ID]
 *   [--url http://127.0.0.1:8484] [--key KEY] [--mode buffered|sync|verbatim] [--app ID] [--agent ID]
 *   [--state FILE] [--dry-run]
 *
 * Imports conversations, memories and documents into a running sidecar. Can be interrupted and repeated: entries that
 * are already present are not stored twice. Exit codes: 0 success, 1 failure, 2 some entries were skipped, 130
 * interrupted.
 */
import { parseArgs } from 'node:util'
import { createClient } from './transfer/client.ts'
import { type CommandContext, runCommand } from './transfer/command.ts'
import { connectionOptions } from './transfer/connection-options.ts'
import { CliError, required } from './transfer/input/cli-error.ts'
import { progressBar } from './transfer/progress.ts'
import { FORMATS, type Format } from './transfer/readers/formats.ts'
import { type ImportSummary, runImport } from './transfer/run-import.ts'

const MODES = ['buffered', 'sync', 'verbatim']

const REQUEST_TIMEOUT_MS = 60_000
/** A turn in mode `sync` waits for the model, including its retries. */
const SYNC_REQUEST_TIMEOUT_MS = 300_000

/** See the head of this file. */
export async function importCommand(context: CommandContext): Promise<number> {
  const { args, env, stdout, stderr } = context
  const values = readArguments(args)
  const connection = connectionOptions(values, env)
  const { from, mode } = values
  const isDryRun = values['dry-run']
  const bar = progressBar('import', stderr)
  const client = isDryRun
    ? undefined
    : createClient({
        ...connection,
        requestTimeoutMs: mode === 'sync' ? SYNC_REQUEST_TIMEOUT_MS : REQUEST_TIMEOUT_MS,
        onWait: (ms, reason) => bar.say(`retrying in ${(ms / 1000).toFixed(1)} s: ${reason}`),
      })
  const { app: appId, agent: agentId, state: statePath = `${from}.import-state.json` } = values
  const common = { client, target: connection.url, bar, signal: context.interruptible() }
  let summary: ImportSummary
  try {
    summary = await runImport({ ...values, ...common, appId, agentId, statePath })
  } finally {
    bar.end()
  }
  stdout.write(`${describe(from, summary, isDryRun)}\n`)
  if (summary.interrupted) return 130
  return summary.problems > 0 ? 2 : 0
}

function describe(from: string, summary: ImportSummary, isDryRun: boolean): string {
  const { format, counts, found, problems, omissions, interrupted } = summary
  const count = (number: number, one: string, many = `${one}s`) => `${number} ${number === 1 ? one : many}`
  const pending = counts.waiting > 0 ? ` (${counts.waiting} pending extraction)` : ''
  const parts = isDryRun
    ? [count(found.turn, 'turn'), count(found.memory, 'memory', 'memories'), count(found.record, 'record')]
    : [
        `${count(counts.turns, 'turn')} stored${pending}`,
        `${counts.imported} imported`,
        `${counts.updated} updated`,
        `${counts.restored} restored`,
        `${counts.unchanged} already present`,
      ]
  const result = parts.filter((part) => !part.startsWith('0 ')).join(', ') || 'nothing to import'
  const omitted = omissions > 0 ? `; ${omissions} left out` : ''
  const skipped = problems > 0 ? `; ${count(problems, 'entry', 'entries')} skipped` : ''
  const status = isDryRun
    ? 'Dry run'
    : interrupted
      ? 'Interrupted (run the command again to continue)'
      : 'Done'
  return `${status}: ${from} as ${format}: ${result}${omitted}${skipped}.`
}

function readArguments(args: string[]) {
  const string = { type: 'string' } as const
  const { values } = parseArgs({
    args,
    options: {
      ...{ from: string, format: { ...string, default: 'auto' }, user: string, url: string, key: string },
      ...{ mode: string, app: string, agent: string, state: string },
      'dry-run': { type: 'boolean', default: false },
    },
  })
  const { format, mode } = values
  const from = required('--from', 'the path of a file to import', values.from)
  assertOneOf('--format', format, ['auto', ...FORMATS])
  if (mode !== undefined) assertOneOf('--mode', mode, MODES)
  return { ...values, from, format: format as Format | 'auto' }
}

function assertOneOf(option: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) {
    throw new CliError(`${option}: expected one of ${allowed.join(', ')}, got ${JSON.stringify(value)}`)
  }
}

if (import.meta.main) await runCommand(importCommand)
