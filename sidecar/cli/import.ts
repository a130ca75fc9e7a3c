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
import { CliError, parseOptions } from './transfer/cli-error.ts'
import { createClient } from './transfer/client.ts'
import { connectionOptions } from './transfer/connection-options.ts'
import { UnreadableFile } from './transfer/input/entry.ts'
import { progressBar } from './transfer/progress.ts'
import { FORMATS, type Format } from './transfer/readers/formats.ts'
import { type ImportSummary, runImport } from './transfer/run-import.ts'

const MODES = ['buffered', 'sync', 'verbatim']

/** A turn in mode `sync` waits for the model, including its retries. */
const REQUEST_TIMEOUT_MS = { sync: 300_000, other: 60_000 }

const abort = new AbortController()
process.on('SIGINT', () => {
  // A second Ctrl-C ends the process immediately.
  if (abort.signal.aborted) process.exit(130)
  abort.abort()
  console.error('\nStopping after the requests in flight …')
})

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof CliError || error instanceof UnreadableFile)) throw error
  console.error(`\n${error.message}`)
  process.exitCode = 1
}

async function main(): Promise<number> {
  const values = readArguments()
  const connection = connectionOptions(values, process.env)
  const { from, format, mode, user } = values
  const isDryRun = values['dry-run']
  const bar = progressBar('import')
  const client = isDryRun
    ? undefined
    : createClient({
        ...connection,
        requestTimeoutMs: mode === 'sync' ? REQUEST_TIMEOUT_MS.sync : REQUEST_TIMEOUT_MS.other,
        onWait: (ms, reason) => bar.say(`retrying in ${(ms / 1000).toFixed(1)} s: ${reason}`),
      })
  const summary = await runImport({
    from,
    format,
    user,
    mode,
    appId: values.app,
    agentId: values.agent,
    statePath: values.state ?? `${from}.import-state.json`,
    client,
    target: connection.url,
    bar,
    signal: abort.signal,
  })
  bar.end()
  console.log(describe(from, summary, isDryRun))
  if (summary.interrupted) return 130
  return summary.problems > 0 ? 2 : 0
}

function describe(
  from: string,
  { format, counts, found, problems, interrupted }: ImportSummary,
  isDryRun: boolean,
): string {
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
  const skipped = problems > 0 ? `; ${count(problems, 'entry', 'entries')} skipped` : ''
  const status = isDryRun
    ? 'Dry run'
    : interrupted
      ? 'Interrupted (run the command again to continue)'
      : 'Done'
  return `${status}: ${from} as ${format}: ${result}${skipped}.`
}

function readArguments() {
  return parseOptions(() => {
    const { values } = parseArgs({
      options: {
        from: { type: 'string' },
        format: { type: 'string', default: 'auto' },
        user: { type: 'string' },
        url: { type: 'string' },
        key: { type: 'string' },
        mode: { type: 'string' },
        app: { type: 'string' },
        agent: { type: 'string' },
        state: { type: 'string' },
        'dry-run': { type: 'boolean', default: false },
      },
    })
    const { from, format, mode } = values
    if (from === undefined) throw new CliError('--from: expected the path of a file to import, got nothing')
    assertOneOf('--format', format, ['auto', ...FORMATS])
    if (mode !== undefined) assertOneOf('--mode', mode, MODES)
    return { ...values, from, format: format as Format | 'auto' }
  })
}

function assertOneOf(option: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) {
    throw new CliError(`${option}: expected one of ${allowed.join(', ')}, got ${JSON.stringify(value)}`)
  }
}
