import { z } from 'zod'
import { show } from './_words.ts'

/**
 * Reading what Dify hands to a node. A template renders to text and is cast to the declared type, an unset optional
 * parameter is missing, null or the empty string, and a model may send anything: so numbers may come as text, and
 * blank text counts as absent. Messages name the parameter, what was expected, and what came.
 */
export type ParameterReading<T> = { ok: true; values: T } | { ok: false; message: string }

export function readParameters<S extends z.ZodRawShape>(
  shape: S,
  given: Record<string, unknown>,
): ParameterReading<z.output<z.ZodObject<S>>> {
  const present = Object.fromEntries(
    Object.keys(shape).flatMap((name) => (isAbsent(given[name]) ? [] : [[name, given[name]]])),
  )
  const parsed = z.object(shape).safeParse(present)
  if (parsed.success) return { ok: true, values: parsed.data }
  const problems = parsed.error.issues.map(({ path, message }) => {
    const name = String(path[0])
    return `${name}: expected ${message}, came ${show(present[name])}.`
  })
  return { ok: false, message: [...new Set(problems)].join(' ') }
}

/** Text, or what a model sent in its place: numbers and booleans are written out. */
export const text = (phrase: string) =>
  z.preprocess(
    (value) => (typeof value === 'number' || typeof value === 'boolean' ? String(value) : value),
    z.string({ error: phrase }),
  )

/** The same without blanks around it. */
export const name = (phrase: string) => text(phrase).transform((value) => value.trim())

/**
 * An identifier from a system variable. Where a variable does not exist (`sys.conversation_id` in a workflow app),
 * Dify leaves its name in the text: taken for an id, it would be one and the same for everybody.
 */
export const id = (phrase: string) =>
  name(phrase).refine((value) => !isUnresolved(value), {
    error: `${phrase}; this variable does not exist here`,
  })

export const isUnresolved = (value: unknown) =>
  typeof value === 'string' && /^\s*(sys|env|conversation)\.\w+\s*$/.test(value)

export function integer(min: number, max = Number.MAX_SAFE_INTEGER) {
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`
  const phrase = `a whole number ${range}`
  return z.preprocess(
    (value) => (typeof value === 'string' ? Number(value) : value),
    z.int({ error: phrase }).min(min, { error: phrase }).max(max, { error: phrase }),
  )
}

/** A number from 0 to 1. */
export function share() {
  const phrase = 'a number from 0 to 1'
  return z.preprocess(
    (value) => (typeof value === 'string' ? Number(value) : value),
    z.number({ error: phrase }).min(0, { error: phrase }).max(1, { error: phrase }),
  )
}

/** True or false, also in the words that a template or a model may have for it. */
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

/** An object, or its JSON text. `{}` is absent: Dify makes it of anything that it could not read as an object. */
export const jsonObject = () =>
  z
    .preprocess(
      (value) => (typeof value === 'string' ? parseJson(value) : value),
      z.record(z.string(), z.unknown(), { error: 'a JSON object' }),
    )
    .transform((value) => (Object.keys(value).length > 0 ? value : undefined))

/** An ISO 8601 date or date-time, as UTC with milliseconds; UTC is assumed where no zone is given. */
export const moment = () => timeText('an ISO 8601 time such as 2026-03-01T09:30:00Z', readMoment)

/** The same, or null for the word `never`. */
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
    return JSON.parse(value)
  } catch {
    return value
  }
}
