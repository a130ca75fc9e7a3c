import { z } from 'zod'
import { isTimeZone, UTC } from '../../text/local-time.ts'

export const MAX_NAMES = 64
const MAX_NAME = 64
const MAX_DAYS = 36_500
/** Key in `retention_days` for all topics that are not named. */
export const ANY = '*'

const NAME_ERROR = `expected a name of 1 to ${MAX_NAME} characters on one line with at least one letter or digit`
const MAX_NAMES_ERROR = `expected at most ${MAX_NAMES} names`
const DAYS_ERROR = `expected an integer number of days from 1 to ${MAX_DAYS}`

const name = z.string({ error: NAME_ERROR }).trim().refine(isName, { error: NAME_ERROR })
export const names = z
  .array(name, { error: 'expected a list of names' })
  .max(MAX_NAMES, { error: MAX_NAMES_ERROR })

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

const ZONE_ERROR = 'expected an IANA time zone such as "Asia/Tokyo" or "UTC"'
export const timeZone = z.string({ error: ZONE_ERROR }).refine(isTimeZone, { error: ZONE_ERROR }).default(UTC)

export const days = z
  .int({ error: DAYS_ERROR })
  .min(1, { error: DAYS_ERROR })
  .max(MAX_DAYS, { error: DAYS_ERROR })

export const retention = z.preprocess(
  (value, context) => {
    // z.record drops this key silently.
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
          ? `${NAME_ERROR}, or "${ANY}"`
          : 'expected an object with topics as keys and days as values',
    },
  ),
)

/** An integer; `null` means the setting of the sidecar. */
function setting(what: string, minimum: number, maximum: number) {
  const error = `expected ${what} from ${minimum} to ${maximum}, or null`
  return z.int({ error }).min(minimum, { error }).max(maximum, { error }).nullable().default(null)
}

export const flush = z.strictObject({
  tokens: setting('an integer number of tokens', 1, 16_384),
  turns: setting('an integer number of turns', 0, 10_000),
  idle_s: setting('an integer number of seconds', 1, 86_400),
  window_ahead: setting('an integer number of turns', 0, 500),
})

export type Topics = z.output<typeof topic>[]

function isName(text: string): boolean {
  return text.length <= MAX_NAME && /[\p{L}\p{N}]/u.test(text) && isOneLine(text)
}

/** The extraction prompt has one line per topic. */
function isOneLine(text: string): boolean {
  return text.isWellFormed() && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)
}
