import { z } from 'zod'
import { NodeError } from './failure.ts'
import { show } from './text.ts'

/**
 * Reads what Dify passes to a node. A template renders to text, an unset optional parameter is missing, null or empty,
 * and a model may send anything. So numbers may arrive as text, and blank text counts as absent.
 * Throws `NodeError` naming every wrong parameter.
 */
export function readParameters<S extends z.ZodRawShape>(
  shape: S,
  given: Record<string, unknown>,
): z.output<z.ZodObject<S>> {
  const present = Object.fromEntries(
    Object.keys(shape).flatMap((name) => (isAbsent(given[name]) ? [] : [[name, given[name]]])),
  )
  const parsed = z.object(shape).safeParse(present)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(({ path, message }) => {
    const name = String(path[0])
    return `${name}: expected ${message}, got ${show(present[name])}.`
  })
  throw new NodeError([...new Set(problems)].join(' '))
}

/** Text. Numbers and booleans from a model are converted. */
export const text = (phrase: string) =>
  z.preprocess(
    (value) => (typeof value === 'number' || typeof value === 'boolean' ? String(value) : value),
    z.string({ error: phrase }),
  )

/** Trimmed text. */
export const name = (phrase: string) => text(phrase).transform((value) => value.trim())

/**
 * An identifier from a system variable. When the variable does not exist (`sys.conversation_id` in a workflow app), Dify
 * passes its name as text, which would become one id that all users share.
 */
export const id = (phrase: string) =>
  name(phrase).refine((value) => !isUnresolved(value), {
    error: `${phrase}; this variable does not exist here`,
  })

export const isUnresolved = (value: unknown) =>
  typeof value === 'string' && /^\s*(sys|env|conversation)\.\w+\s*$/.test(value)

export function integer(min: number, max = Number.MAX_SAFE_INTEGER) {
  const range = max === Number.MAX_SAFE_INTEGER ? `≥ ${min}` : `from ${min} to ${max}`
  const phrase = `an integer ${range}`
  return z.preprocess(
    (value) => (typeof value === 'string' ? Number(value) : value),
    z.int({ error: phrase }).min(min, { error: phrase }).max(max, { error: phrase }),
  )
}

/** The number of a turn. Absent in a workflow app, where Dify passes the name of the missing variable. */
export const turnNumber = () =>
  z.preprocess((value) => (isUnresolved(value) ? undefined : value), integer(0).optional())

export function fraction() {
  const phrase = 'a number from 0 to 1'
  return z.preprocess(
    (value) => (typeof value === 'string' ? Number(value) : value),
    z.number({ error: phrase }).min(0, { error: phrase }).max(1, { error: phrase }),
  )
}

/** A boolean, or one of the words in `FLAGS`. */
export const flag = () =>
  z.preprocess(
    (value) => FLAGS.get(typeof value === 'string' ? value.trim().toLowerCase() : value) ?? value,
    z.boolean({ error: 'true or false' }),
  )

const FLAGS = new Map<unknown, boolean>([
  ...['true', 'yes', 'on', '1', 1].map((word) => [word, true] as const),
  ...['false', 'no', 'off', '0', 0].map((word) => [word, false] as const),
])

export const choice = <const T extends readonly [string, ...string[]]>(options: T) =>
  z.enum(options, { error: `one of ${options.join(', ')}` })

/** Words separated by commas. */
export const list = <const T extends readonly [string, ...string[]]>(words: T) => {
  const error = `${words.join(', ')}, separated by commas`
  return name(error)
    .transform((value) => value.split(/[,、，]/).flatMap((word) => word.trim() || []))
    .pipe(z.array(z.enum(words, { error }), { error }).min(1, { error }))
}

/** An object or its JSON text. `{}` counts as absent: Dify substitutes it for text that is no JSON object. */
export const jsonObject = () =>
  z
    .preprocess(
      (value) => (typeof value === 'string' ? parseJson(value) : value),
      z.record(z.string(), z.unknown(), { error: 'a JSON object' }),
    )
    .transform((value) => (Object.keys(value).length > 0 ? value : undefined))

/** An ISO 8601 date or date-time, converted to UTC with milliseconds. UTC is the default zone. */
export const moment = () => timeText('an ISO 8601 time such as 2026-03-01T09:30:00Z', readMoment)

/** The same with its UTC offset, from which the sidecar knows the local date. */
export const localMoment = () =>
  timeText('an ISO 8601 time such as 2026-03-01T09:30:00Z', (value) => {
    const utc = readMoment(value)
    const offset = /(?:T| ).*([+-]\d\d):?(\d\d)$/i.exec(value)
    // A date alone is a local date: with Z, the time zone of the app could move it to the day before.
    if (!offset) return /^\d{4}-\d\d-\d\d$/.test(value) ? utc?.replace('Z', '+00:00') : utc
    return (
      utc &&
      value
        .toUpperCase()
        .replace(' ', 'T')
        .replace(/:?(\d\d)$/, ':$1')
    )
  })

/** The same as `moment`, or null for `never`. */
export const momentOrNever = () =>
  timeText('an ISO 8601 time such as 2026-03-01T09:30:00Z, or never', (value) =>
    value.toLowerCase() === 'never' ? null : readMoment(value),
  )

const timeText = <T>(phrase: string, read: (value: string) => T | undefined) =>
  z
    .string({ error: phrase })
    .trim()
    .transform((value, context) => {
      const time = read(value)
      if (time !== undefined) return time
      context.addIssue({ code: 'custom', message: phrase })
      return z.NEVER
    })

function readMoment(value: string): string | undefined {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?)?$/i.exec(value)
  const [, day, time = '00:00', zone = 'Z'] = match ?? []
  const instant = new Date(`${day}T${time}${zone.replace(/(\d\d)(\d\d)$/, '$1:$2')}`)
  // A Date rolls 30 February over into March.
  const real = day !== undefined && new Date(`${day}T00:00Z`).toJSON()?.startsWith(day)
  return real && !Number.isNaN(instant.getTime()) ? instant.toISOString() : undefined
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'string' && value.trim() === '')
}

function parseJson(value: string): unknown {
  try {
    return parseExactly(value)
  } catch {
    return value
  }
}

// Node 20 lacks `rawJSON`, and TypeScript has no types for it yet.
const { rawJSON } = JSON as typeof JSON & { rawJSON?: (text: string) => unknown }

/** Keeps the digits of numbers, so that the sidecar gets them as written and can refuse what it cannot store. */
function parseExactly(value: string): unknown {
  if (!rawJSON) return JSON.parse(value)
  return JSON.parse(value, (_key, one: unknown, context?: { source?: string }) =>
    typeof one === 'number' && context?.source !== undefined ? rawJSON(context.source) : one,
  )
}
