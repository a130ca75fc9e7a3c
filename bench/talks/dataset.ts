import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Talk {
  id: string
  lang: string
  sessions: { at: string; turns: { user: string; assistant: string }[] }[]
  questions: TalkQuestion[]
}

export interface TalkQuestion {
  q: string
  at: string
  answer: string
  kind: string
  /** Turns that hold the answer, as `session:turn`; empty if it was never said. */
  evidence: string[]
  /** Turns that hold a value which a later turn replaced. */
  stale: string[]
}

/** One turn with its place in the talk. */
export interface TalkTurn {
  /** `session:turn`, both from 1. */
  ref: string
  session: number
  turn: number
  at: string
  user: string
  assistant: string
}

/** @throws {Error} if the folder has no JSON file */
export function readTalks(folder: string): Talk[] {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
  if (files.length === 0) throw new Error(`--data: expected a folder of JSON files, got ${folder}`)
  return files.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Talk)
}

export function turnsOf({ sessions }: Talk): TalkTurn[] {
  return sessions.flatMap(({ at, turns }, s) =>
    turns.map((messages, t) => ({ ref: `${s + 1}:${t + 1}`, session: s + 1, turn: t + 1, at, ...messages })),
  )
}
