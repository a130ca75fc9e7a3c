import { statSync } from 'node:fs'
import { basename } from 'node:path'
import type { Client } from './client.ts'
import { type Item, type Problem, type Source, UnreadableFile } from './entry.ts'
import type { ProgressBar } from './progress.ts'
import { detectFormat, type Format, READERS } from './readers/formats.ts'
import { type SendOptions, sendAll } from './send.ts'
import { type Counts, NOTHING, readState, removeState, writeState } from './state.ts'
import { createUsers } from './users.ts'

export interface ImportOptions {
  from: string
  format: Format | 'auto'
  user: string | undefined
  mode: SendOptions['mode']
  appId: string | undefined
  agentId: string | undefined
  /** Where the state is kept. */
  state: string
  /** Absent: nothing is sent, the file is only read. */
  client: Client | undefined
  /** Tells one target from another in the state. */
  target: string
  bar: ProgressBar
  /** Aborted: the import stops where it is, and can be continued. */
  signal: AbortSignal
}

export interface ImportSummary {
  format: Format
  counts: Counts
  /** Entries of each kind that the file holds. */
  found: Record<Item['kind'], number>
  /** Lines that could not be read, or were refused. */
  problems: number
  interrupted: boolean
}

/** Entries that are sent before it is noted that they are done; a turn is a call of its own, and counts as several. */
const WINDOW = 400
const TURN_COUNTS = 8

/** Most problems that are told one by one. */
const MAX_TOLD = 100

/**
 * Imports a file, or only reads it.
 * @throws {UnreadableFile | CannotGoOn}
 */
export async function runImport(options: ImportOptions): Promise<ImportSummary> {
  const { client, bar, signal, state: statePath } = options
  const { source, size, progress } = openSource(options.from)
  const format = options.format === 'auto' ? await detectFormat(source) : options.format
  await client?.greet()
  const of = identityOf(options, format, size, source.date)
  const earlier = client && readState(statePath, of)
  if (earlier)
    bar.say(`Goes on after ${earlier.done} entries (${statePath}; without that file it begins anew).`)
  const counts: Counts = { ...NOTHING, ...earlier?.counts }
  const skip = earlier?.done ?? 0
  const summary: ImportSummary = {
    format,
    counts,
    found: { turn: 0, memory: 0, record: 0 },
    problems: counts.refused,
    interrupted: false,
  }
  const tell = (line: number, reason: string) => {
    summary.problems += 1
    if (summary.problems <= MAX_TOLD) bar.say(`line ${line}: ${reason}`)
    else if (summary.problems === MAX_TOLD + 1) bar.say('… and more; only the number of the rest is told')
  }
  const users = createUsers(options.user)
  let read = 0
  let window: Item[] = []
  let weight = 0

  async function sendWindow(): Promise<void> {
    if (client && window.length > 0) {
      const { mode, appId, agentId } = options
      const userOf = (item: Item) => users.of(item) as string
      const send = { client, userOf, mode, appId, agentId, signal, onRefused: tell }
      await sendAll(window, counts, send)
      // What was begun and not ended is sent again.
      if (!signal.aborted) writeState(statePath, { of, done: read, counts })
    }
    window = []
    weight = 0
    bar.draw(progress(), `${read} entries`)
  }

  for await (const entry of READERS[format](source)) {
    if (signal.aborted) break
    const reason = entry.kind === 'problem' ? entry.reason : users.refusal(entry)
    if (reason !== undefined) {
      tell(entry.line, reason)
      continue
    }
    const item = entry as Exclude<typeof entry, Problem>
    summary.found[item.kind] += 1
    read += 1
    if (read > skip) {
      window.push(item)
      weight += item.kind === 'turn' ? TURN_COUNTS : 1
    } else bar.draw(progress(), `${read} entries done before`)
    if (weight >= WINDOW) await sendWindow()
  }
  if (!signal.aborted) await sendWindow()
  if (signal.aborted) return { ...summary, interrupted: true }
  if (client) removeState(statePath)
  bar.draw(1, `${read} entries`)
  return summary
}

function openSource(path: string): { source: Source; size: number; progress: () => number } {
  let size: number
  let date: string
  try {
    const stats = statSync(path)
    if (!stats.isFile()) throw new UnreadableFile(`--from: expected a file, got ${JSON.stringify(path)}`)
    size = stats.size
    date = stats.mtime.toISOString()
  } catch (error) {
    if (error instanceof UnreadableFile) throw error
    throw new UnreadableFile(
      `--from: cannot read ${JSON.stringify(path)} (${(error as NodeJS.ErrnoException).code})`,
    )
  }
  let bytes = 0
  const onBytes = (read: number) => {
    bytes = read
  }
  const source = { path, name: basename(path), date, onBytes }
  return { source, size, progress: () => (size === 0 ? 1 : Math.min(1, bytes / size)) }
}

function identityOf(options: ImportOptions, format: Format, size: number, date: string): string {
  const { from, user, mode, appId, agentId, target } = options
  return JSON.stringify([basename(from), size, date, format, user, mode, appId, agentId, target])
}
