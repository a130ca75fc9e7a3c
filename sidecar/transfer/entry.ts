/** One message of a turn, as the HTTP API takes it. */
export interface MessageBody {
  role: 'user' | 'assistant' | 'system'
  content: string
  name?: string
  /** ISO 8601. */
  at: string
}

/** What `POST /v1/memories` takes besides the user and the options of the command. */
export interface TurnBody {
  messages: MessageBody[]
  conversation_id?: string
  turn?: number
  agent_id?: string
  run_id?: string
  app_id?: string
  metadata?: Record<string, unknown>
}

interface Place {
  /** Line of the file, from 1. */
  line: number
  /** As the file has it; `null` where it names none. */
  userId: string | null
}

/** What a reader finds in a file: something to import, or something that cannot be. */
export type Entry =
  | (Place & {
      kind: 'turn'
      body: TurnBody
      /** For a turn without a number: the same each time that the file is read. */
      key?: string
    })
  | (Place & { kind: 'memory'; body: Record<string, unknown> })
  | (Place & { kind: 'record'; body: unknown })
  | Problem

export interface Problem {
  kind: 'problem'
  line: number
  reason: string
}

export type Item = Exclude<Entry, Problem>

/** A file, or the whole of it, is not what it was taken for. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile'
}

/** What a reader knows of the file. */
export interface Source {
  path: string
  /** Without its folder. */
  name: string
  /** When the file was last changed: the date of what carries none. ISO 8601. */
  date: string
  /** Told the bytes that have been read. */
  onBytes: (bytes: number) => void
}

export type Fields = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is Fields {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

/** The first of several fields that is there. */
export function firstOf(fields: Fields, ...names: readonly string[]): unknown {
  for (const name of names) {
    const value = fields[name]
    if (value !== undefined && value !== null && value !== '') return value
  }
  return undefined
}

/** The same as an identifier; numbers count, other things do not. */
export function idOf(fields: Fields, ...names: readonly string[]): string | undefined {
  const value = firstOf(fields, ...names)
  if (typeof value === 'string') return value.trim() === '' ? undefined : value.trim()
  return typeof value === 'number' ? String(value) : undefined
}

/** `{ [name]: value }`, or nothing where there is no value. */
export function optional<K extends string, V>(name: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { [P in K]?: V }
}

/** A value in an error: short and on one line. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value)
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`
}
