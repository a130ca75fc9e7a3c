/*
 * npm run import -- --from FILE [--format auto|messages|dify|mem0|document|hippocache] [--user ID]
 *   [--url http://127.0.0.1:8484] [--key KEY] [--mode buffered|sync|verbatim] [--app ID] [--agent ID]
 *   [--state FILE] [--dry-run]
 *
 * Brings conversations, memories and documents into a running sidecar. Can be interrupted and repeated: what is there
 * already stays once. Ends with 0, with 1 when it could not go on, with 2 when lines were left out, with 130 when it
 * was interrupted.
 */
import { parseArgs } from 'node:util'
import { CannotGoOn, createClient } from './client.ts'
import { UnreadableFile } from './entry.ts'
import { progressBar } from './progress.ts'
import { FORMATS, type Format } from './readers/formats.ts'
import { type ImportSummary, runImport } from './run-import.ts'
import { targetOf } from './target.ts'

const MODES = ['buffered', 'sync', 'verbatim']

/** A turn in mode sync waits for the model, which may be tried several times. */
const DEADLINE_MS = { sync: 300_000, other: 60_000 }

const stop = new AbortController()
process.on('SIGINT', () => {
  // The second time it means now.
  if (stop.signal.aborted) process.exit(130)
  stop.abort()
  console.error('\nStops after what is under way …')
})

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof CannotGoOn || error instanceof UnreadableFile)) throw error
  console.error(`\n${error.message}`)
  process.exitCode = 1
}

async function main(): Promise<number> {
  const values = readArguments()
  // biome-ignore lint/style/noProcessEnv: the entry of a command, as main.ts is
  const target = targetOf(values, process.env)
  const { from, format, mode, user } = values
  const isDry = values['dry-run']
  const bar = progressBar('import')
  const client = isDry
    ? undefined
    : createClient({
        ...target,
        deadlineMs: mode === 'sync' ? DEADLINE_MS.sync : DEADLINE_MS.other,
        onWait: (ms, reason) => bar.say(`waits ${(ms / 1000).toFixed(1)} s: ${reason}`),
      })
  const summary = await runImport({
    from,
    format,
    user,
    mode,
    appId: values.app,
    agentId: values.agent,
    state: values.state ?? `${from}.import-state.json`,
    client,
    target: target.url,
    bar,
    signal: stop.signal,
  })
  bar.end()
  report(from, summary, isDry)
  if (summary.interrupted) return 130
  return summary.problems > 0 ? 2 : 0
}

function report(
  from: string,
  { format, counts, found, problems, interrupted }: ImportSummary,
  isDry: boolean,
): void {
  const many = (count: number, one: string) => `${count} ${one}${count === 1 ? '' : 's'}`
  const parts = isDry
    ? [many(found.turn, 'turn'), many(found.memory, 'piece'), many(found.record, 'record')]
    : [
        counts.turns > 0 &&
          `${many(counts.turns, 'turn')} stored${counts.waiting > 0 ? ` (${counts.waiting} wait to be learned from)` : ''}`,
        counts.imported > 0 && `${counts.imported} imported`,
        counts.updated > 0 && `${counts.updated} updated`,
        counts.restored > 0 && `${counts.restored} restored`,
        counts.unchanged > 0 && `${counts.unchanged} there before`,
      ]
  const said = parts.filter((part) => part && !part.startsWith('0 ')).join(', ') || 'nothing to import'
  const left = problems > 0 ? `; ${many(problems, 'entry').replace('entrys', 'entries')} left out` : ''
  const how = isDry ? 'Would be read' : interrupted ? 'Interrupted, run it again to go on' : 'Done'
  console.log(`${how}: ${from} as ${format}: ${said}${left}.`)
}

function readArguments() {
  try {
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
    if (from === undefined) throw new CannotGoOn('--from: expected the file to import')
    oneOf('--format', format, ['auto', ...FORMATS])
    if (mode !== undefined) oneOf('--mode', mode, MODES)
    return { ...values, from, format: format as Format | 'auto' }
  } catch (error) {
    throw error instanceof CannotGoOn ? error : new CannotGoOn((error as Error).message)
  }
}

function oneOf(option: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) {
    throw new CannotGoOn(`${option}: expected one of ${allowed.join(', ')}, got ${JSON.stringify(value)}`)
  }
}
