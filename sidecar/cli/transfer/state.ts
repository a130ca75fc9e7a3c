import { readFileSync, renameSync, writeFileSync } from 'node:fs'

export const ZERO_COUNTS = {
  /** New turns; known ones count as updated or unchanged. */
  turns: 0,
  /** Turns that are pending extraction. */
  waiting: 0,
  imported: 0,
  updated: 0,
  unchanged: 0,
  restored: 0,
  refused: 0,
}

/** Outcomes of an import, by kind. */
export type Counts = typeof ZERO_COUNTS

/** Progress of an interrupted import. Losing it is harmless: entries are then sent again. */
export interface State {
  /** Identifies the import: file, format, options and sidecar. */
  of: string
  /** Entries from the start of the file that need not be sent again. */
  done: number
  counts: Counts
}

/** The state of the same import, if it was interrupted. */
export function readState(path: string, of: string): State | undefined {
  try {
    const state = JSON.parse(readFileSync(path, 'utf8')) as State
    return state.of === of && Number.isSafeInteger(state.done) ? state : undefined
  } catch {
    return undefined
  }
}

/** Replaces the state atomically. If it cannot be written, an interrupted import starts from the beginning. */
export function writeState(path: string, state: State): void {
  try {
    writeFileSync(`${path}.new`, JSON.stringify(state))
    renameSync(`${path}.new`, path)
  } catch {}
}
