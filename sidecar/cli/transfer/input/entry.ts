import { InexactNumber } from '../../../text/exact-json.ts'
import { CliError } from './cli-error.ts'

/** One message of a turn, as the HTTP API accepts it. */
export interface MessageBody {
  role: 'user' | 'assistant' | 'system'
  content: string
  name?: string
  /** ISO 8601. */
  at: string
}

/** The body of `POST /v1/memories` without the user and the fields that the command's options set. */
export interface TurnBody {
  messages: MessageBody[]
  conversation_id?: string
  turn?: number
  agent_id?: string
  run_id?: string
  app_id?: string
  metadata?: Record<string, unknown>
}

interface Origin {
  /** Line of the file, from 1. */
  line: number
  /** The user that the file names; `null` if it names none. */
  userId: string | null
}

/** What a reader yields: an item to import, or a part of the file that is not imported. */
export type Entry = Item | Problem | Omission

export type Item =
  | (Origin & {
      kind: 'turn'
      body: TurnBody
      /** Idempotency key of a turn without a number; the same each time the file is read. */
      key?: string
    })
  | (Origin & { kind: 'memory'; body: Record<string, unknown> })
  | (Origin & { kind: 'record'; body: unknown })

interface Problem {
  kind: 'problem'
  line: number
  reason: string
}

/** A part of the file that is left out on purpose, such as the output of a tool. */
interface Omission {
  kind: 'omission'
  line: number
  reason: string
}

/** A JSON value of a file, or the reason why it could not be read. */
export type Element = { line: number; value: unknown } | { line: number; problem: string }

/** An entry that cannot be imported; the error text is the reason. */
export class InvalidEntry extends Error {}

/** The file is not in the expected format. Ends the import. */
export class UnreadableFile extends CliError {}

export interface Source {
  path: string
  /** File name without its directory. */
  name: string
  /** Modification time of the file, used for entries without a date. ISO 8601. */
  date: string
  /** Called with the number of bytes read so far. */
  onBytes: (bytes: number) => void
}

export type Fields = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is Fields {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

/** The first of these fields that has a value. */
export function firstValue(fields: Fields, ...names: readonly string[]): unknown {
  return names
    .map((name) => fields[name])
    .find((value) => value !== undefined && value !== null && value !== '')
}

/** The first of these fields that has a value, if it is a string or a number. */
export function firstId(fields: Fields, ...names: readonly string[]): string | undefined {
  const value = firstValue(fields, ...names)
  if (typeof value === 'string') return value.trim() === '' ? undefined : value.trim()
  return typeof value === 'number' || value instanceof InexactNumber ? String(value) : undefined
}

/** `{ [name]: value }`, or `{}` for `undefined`. */
export function optional<K extends string, V>(name: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { [P in K]?: V }
}

/** A value for an error message: short and on one line. */
export function preview(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value)
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`
}

/**
 * Converts each element. With `listFields`, each member of a list or of the list in one of these fields is converted. What
 * cannot be read or converted becomes a problem.
 * @param toEntries gets the position of the element too, from 1
 */
export async function* convert(
  elements: AsyncIterable<Element>,
  toEntries: (value: unknown, line: number, position: number) => Iterable<Entry>,
  ...listFields: readonly string[]
): AsyncGenerator<Entry> {
  let position = 0
  for await (const element of elements) {
    const { line } = element
    position += 1
    if ('problem' in element) {
      yield { kind: 'problem', line, reason: element.problem }
      continue
    }
    const { value } = element
    const list = isObject(value) ? firstValue(value, ...listFields) : value
    for (const one of listFields.length > 0 && Array.isArray(list) ? list : [value]) {
      try {
        yield* toEntries(one, line, position)
      } catch (error) {
        yield toProblem(error, line)
      }
    }
  }
}

/** @throws {unknown} an error that is not an `InvalidEntry` */
export function toProblem(error: unknown, line: number, field = ''): Entry {
  if (!(error instanceof InvalidEntry)) throw error
  return { kind: 'problem', line, reason: field + error.message }
}
