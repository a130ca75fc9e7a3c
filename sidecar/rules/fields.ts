import { z } from 'zod'

export const MAX_NAMES = 64
const MAX_NAME = 64
const MAX_DAYS = 36_500
/** In `retention_days`: every topic that is not named. */
export const ANY = '*'

const NAME = `expected a name of 1 to ${MAX_NAME} characters on one line, with a letter or a digit in it`
const MANY = `expected at most ${MAX_NAMES} names`
const DAYS = `expected a whole number of days from 1 to ${MAX_DAYS}`

const name = z.string({ error: NAME }).trim().refine(isName, { error: NAME })
export const names = z.array(name, { error: 'expected a list of names' }).max(MAX_NAMES, { error: MANY })

export const topic = z.strictObject({
  name,
  description: z
    .string()
    .trim()
    .max(200, { error: 'expected at most 200 characters' })
    .refine(isOneLine, { error: 'expected one line of well-formed Unicode' })
    .optional(),
  sub_topics: names.optional(),
})

export const days = z.int({ error: DAYS }).min(1, { error: DAYS }).max(MAX_DAYS, { error: DAYS })

export const retention = z.preprocess(
  (value, context) => {
    // Zod would leave this key out without a word.
    if (value !== null && typeof value === 'object' && Object.hasOwn(value, '__proto__'))
      context.addIssue({ code: 'custom', path: ['__proto__'], message: 'expected another name' })
    return value
  },
  z.record(
    z.string().refine((key) => key === ANY || isName(key)),
    days,
    {
      error: (issue) =>
        issue.code === 'invalid_key'
          ? `${NAME}, or "${ANY}"`
          : 'expected an object of topics and numbers of days',
    },
  ),
)

/** A whole number, or `null` for that of the sidecar. */
function setting(what: string, minimum: number, maximum: number) {
  const error = `expected ${what} from ${minimum} to ${maximum}, or null`
  return z.int({ error }).min(minimum, { error }).max(maximum, { error }).nullable().default(null)
}

export const flush = z.strictObject({
  tokens: setting('a whole number of tokens', 1, 16_384),
  turns: setting('a whole number of turns', 0, 10_000),
  idle_s: setting('a whole number of seconds', 1, 86_400),
  window_ahead: setting('a whole number of turns', 0, 500),
})

export type Topics = z.output<typeof topic>[]

function isName(text: string): boolean {
  return text.length <= MAX_NAME && /[\p{L}\p{N}]/u.test(text) && isOneLine(text)
}

/** Topics stand in a line of the prompt. */
function isOneLine(text: string): boolean {
  return text.isWellFormed() && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)
}
