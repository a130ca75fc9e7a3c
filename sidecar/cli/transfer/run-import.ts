import { rmSync, type Stats, statSync } from 'node:fs'
import { basename } from 'node:path'
import type { Client } from './client.ts'
import { type Item, type Source, UnreadableFile } from './input/entry.ts'
import type { ProgressBar } from './progress.ts'
import { detectFormat, type Format, READERS } from './readers/formats.ts'
import { type SendOptions, sendAll } from './send.ts'
import { type Counts, readState, writeState, ZERO_COUNTS } from './state.ts'

export interface ImportOptions extends Pick<SendOptions, 'mode' | 'appId' | 'agentId'> {
  from: string
  format: Format | 'auto'
  user?: string | undefined
  /** Path of the resume state. */
  statePath: string
  /** Absent for a dry run: the file is read and nothing is sent. */
  client: Client | undefined
  /** Identifies the sidecar in the resume state. */
  target: string
  bar: ProgressBar
  /** Aborting stops the import; running it again continues it. */
  signal: AbortSignal
}

export interface ImportSummary {
  format: Format
  counts: Counts
  /** Entries in the file, by kind. */
  found: Record<Item['kind'], number>
  /** Entries that could not be read or that the sidecar rejected. */
  problems: number
  /** Parts of the file that an import leaves out on purpose, such as the output of tools. */
  omissions: number
  interrupted: boolean
}

/** Entries per checkpoint. A turn is a request of its own, so it weighs more. */
const CHECKPOINT_WEIGHT = 400
const TURN_WEIGHT = 8

/** Most problems, and most omissions, that are reported one by one. */
const MAX_REPORTED = 100

/**
 * Imports a file, or only reads it.
 * @throws {UnreadableFile | CliError}
 */
export async function runImport(options: ImportOptions): Promise<ImportSummary> {
  const { client, bar, signal, statePath } = options
  const { source, size, progress } = openSource(options.from)
  const format = options.format === 'auto' ? await detectFormat(source) : options.format
  await client?.checkConnection()
  const { user, mode, appId, agentId, target } = options
  // Same file, same options, same sidecar.
  const parts = [source.name, size, source.date, format, user, mode, appId, agentId, target]
  const importId = JSON.stringify(parts)
  const previous = client && readState(statePath, importId)
  if (previous) {
    bar.say(`Continuing after ${previous.done} entries. Delete ${statePath} to start from the beginning.`)
  }
  const counts: Counts = { ...ZERO_COUNTS, ...previous?.counts }
  const skip = previous?.done ?? 0
  const summary: ImportSummary = {
    format,
    counts,
    found: { turn: 0, memory: 0, record: 0 },
    problems: counts.refused,
    omissions: 0,
    interrupted: false,
  }
  const reportProblem = (line: number, reason: string) => {
    summary.problems += 1
    if (summary.problems <= MAX_REPORTED) bar.say(`line ${line}: ${reason}`)
    else if (summary.problems === MAX_REPORTED + 1) bar.say('… further problems are only counted')
  }
  const reportOmission = (line: number, reason: string) => {
    summary.omissions += 1
    if (summary.omissions <= MAX_REPORTED) bar.say(`line ${line}: left out: ${reason}`)
    else if (summary.omissions === MAX_REPORTED + 1) bar.say('… further omissions are only counted')
  }
  const objectionTo = userCheck(options.user)
  const userOf = ({ userId }: Item) => (options.user ?? userId) as string
  let read = 0
  let batch: Item[] = []
  let weight = 0

  async function sendBatch(): Promise<void> {
    if (client && batch.length > 0) {
      await sendAll(batch, counts, { ...options, client, userOf, onRejected: reportProblem })
      // After an abort the batch may be half sent; the next run sends all of it again.
      if (!signal.aborted) writeState(statePath, { of: importId, done: read, counts })
    }
    batch = []
    weight = 0
    bar.draw(progress(), `${read} entries`)
  }

  for await (const entry of READERS[format](source)) {
    if (signal.aborted) break
    if (entry.kind === 'omission') {
      reportOmission(entry.line, entry.reason)
      continue
    }
    const problem = entry.kind === 'problem' ? entry.reason : objectionTo(entry)
    if (entry.kind === 'problem' || problem !== undefined) {
      reportProblem(entry.line, problem as string)
      continue
    }
    summary.found[entry.kind] += 1
    read += 1
    if (read > skip) {
      batch.push(entry)
      weight += entry.kind === 'turn' ? TURN_WEIGHT : 1
    } else bar.draw(progress(), `${read} entries skipped, imported before`)
    if (weight >= CHECKPOINT_WEIGHT) await sendBatch()
  }
  if (!signal.aborted) await sendBatch()
  if (signal.aborted) return { ...summary, interrupted: true }
  if (client) rmSync(statePath, { force: true })
  bar.draw(1, `${read} entries`)
  return summary
}

/**
 * Returns a function that says why an entry cannot be assigned to a user, if it cannot. `--user` applies to entries
 * without a user and renames the file's user, if there is only one; several users of a file are never merged.
 */
function userCheck(userOption: string | undefined) {
  let renamed: string | undefined
  return ({ userId }: Item): string | undefined => {
    if (userOption === undefined) return userId === null ? 'the entry names no user; pass --user' : undefined
    renamed ??= userId ?? undefined
    if (userId === null || userId === renamed) return undefined
    return `the entry belongs to user ${JSON.stringify(userId)}, but --user already replaces ${JSON.stringify(renamed)}; import without --user`
  }
}

function openSource(path: string) {
  let stats: Stats
  try {
    stats = statSync(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new UnreadableFile(`--from: cannot read ${JSON.stringify(path)} (${code})`)
  }
  if (!stats.isFile()) throw new UnreadableFile(`--from: expected a file, got ${JSON.stringify(path)}`)
  const { size, mtime } = stats
  let bytes = 0
  const onBytes = (read: number) => {
    bytes = read
  }
  const source: Source = { path, name: basename(path), date: mtime.toISOString(), onBytes }
  return { source, size, progress: () => (size === 0 ? 1 : Math.min(1, bytes / size)) }
}
