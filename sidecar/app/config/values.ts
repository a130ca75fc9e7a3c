import { z } from 'zod'

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

/** A text whose spaces at the end count. `\\n` stands for a line break, and `none` for no text at all. */
export const prefix = () =>
  z
    .string()
    .max(1000, { error: 'expected at most 1000 characters' })
    .default('')
    .transform((value) => {
      if (value.trim() === '') return undefined
      return value.trim() === 'none' ? '' : value.replaceAll('\\n', '\n')
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
