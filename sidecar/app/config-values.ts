import { z } from 'zod'
import { type ApiKey, sha256Of } from '../http/api-keys.ts'

/** Types of environment variables. An empty variable counts as absent. */

export const text = (fallback = '') =>
  z
    .string()
    .default('')
    .transform((value) => value.trim() || fallback)

export const integer = (minimum: number, maximum: number, fallback: number) =>
  text().transform((value, context) => {
    if (value === '') return fallback
    const number = Number(value)
    if (Number.isInteger(number) && number >= minimum && number <= maximum) return number
    const message = `expected an integer from ${minimum} to ${maximum}, got ${JSON.stringify(value)}`
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })

/** @param expected describes `pattern` in the error */
export const matching = (pattern: RegExp, expected: string, fallback = '') =>
  text(fallback).refine((value) => pattern.test(value), {
    error: ({ input }) => `expected ${expected}, got ${JSON.stringify(input)}`,
  })

export const httpUrl = () => matching(/^$|^https?:\/\/[^/]+/, 'a URL such as https://memory.example.com')

/** The message is that of the error of `parse`, which must not repeat a secret. */
export const parsedBy = <T>(parse: (value: string) => T) =>
  text().transform((value, context) => {
    try {
      return parse(value)
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message })
      return z.NEVER
    }
  })

/** `name:key` pairs, comma-separated; a key may be given as `sha256:<64 hex digits>`. */
export const apiKeys = () => text().transform(parseKeys)

function parseKeys(value: string, context: z.RefinementCtx): ApiKey[] {
  const keys: ApiKey[] = []
  const seen = new Set<string>()
  const pairs = value.split(',').map((pair) => pair.trim())
  for (const [i, pair] of pairs.filter(Boolean).entries()) {
    const colon = pair.indexOf(':')
    const namespace = pair.slice(0, Math.max(0, colon))
    const secret = pair.slice(colon + 1)
    // The message repeats no part of the pair, because name and key may be swapped.
    const refuse = (expected: string) =>
      context.addIssue({ code: 'custom', message: `expected ${expected} (pair ${i + 1})` })
    if (!/^[A-Za-z0-9_.-]{1,64}$/.test(namespace)) {
      refuse('name:key with a name of 1 to 64 letters, digits, dots, dashes or underscores')
      continue
    }
    const hashed = /^sha256:([0-9a-f]{64})$/i.exec(secret)?.[1]
    // An HTTP header cannot carry other characters.
    if (!hashed && (!/^[!-~]{16,}$/.test(secret) || secret.startsWith('sha256:'))) {
      refuse('a key of at least 16 ASCII characters without spaces, or sha256: and 64 hex digits')
      continue
    }
    const sha256 = hashed ? Buffer.from(hashed, 'hex') : sha256Of(secret)
    if (seen.has(sha256.toString('hex'))) refuse('each key only once')
    seen.add(sha256.toString('hex'))
    keys.push({ namespace, sha256 })
  }
  return keys
}
