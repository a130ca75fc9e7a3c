import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

/** What an import has done, for each way that an entry can go. */
export interface Counts {
  turns: number
  /** Of the turns, those that wait to be learned from. */
  waiting: number
  imported: number
  updated: number
  unchanged: number
  restored: number
  refused: number
}

export const NOTHING: Counts = {
  turns: 0,
  waiting: 0,
  imported: 0,
  updated: 0,
  unchanged: 0,
  restored: 0,
  refused: 0,
}

/** How far an import has come. What it has not come to is only sent again: nothing depends on this file. */
export interface State {
  /** Of which file, as which format, for whom, and to which sidecar. */
  of: string
  /** Entries from the beginning that need not be sent again. */
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

/** Whole or not at all. Where it cannot be written, an interrupted import begins anew. */
export function writeState(path: string, state: State): void {
  try {
    writeFileSync(`${path}.new`, JSON.stringify(state))
    renameSync(`${path}.new`, path)
  } catch {}
}

export function removeState(path: string): void {
  rmSync(path, { force: true })
}
