import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import type { Checkpoint } from '../../experiments/replay/replay.ts'
import { type Tally, tally } from '../../experiments/replay/tally.ts'

/** The first line: the identity of the replay, and the options that depend on its start time. */
const header = z.object({ of: z.string(), since: z.number().nullable() })
const completed = z.object({ scope: z.string(), tally })

export interface CheckpointFile extends Checkpoint {
  /** Epoch milliseconds, resolved at the start of the replay. */
  since: number | undefined
  /** Users that an interrupted run completed. */
  resumed: number
  remove(): void
}

/**
 * The completed users of an interrupted replay, one line each. A file of another replay is replaced; an incomplete last
 * line is dropped.
 * @param of identifies the replay
 */
export function openCheckpoint(path: string, of: string, since: number | undefined): CheckpointFile {
  const lines = readLines(path)
  const first = header.safeParse(lines[0])
  const isSame = first.success && first.data.of === of
  const begun = isSame ? first.data : { of, since: since ?? null }
  const known = new Map<string, Tally>()
  for (const line of isSame ? lines.slice(1) : []) {
    const { success, data } = completed.safeParse(line)
    if (success) known.set(data.scope, data.tally)
  }
  const kept = [begun, ...[...known].map(([scope, tally]) => ({ scope, tally }))]
  writeFileSync(`${path}.new`, kept.map((line) => `${JSON.stringify(line)}\n`).join(''))
  renameSync(`${path}.new`, path)
  return {
    since: begun.since ?? undefined,
    resumed: known.size,
    get: (scope) => known.get(scope),
    add: (scope, tally) => appendFileSync(path, `${JSON.stringify({ scope, tally })}\n`),
    remove: () => rmSync(path, { force: true }),
  }
}

function readLines(path: string): unknown[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return []
  }
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line)]
    } catch {
      return []
    }
  })
}
