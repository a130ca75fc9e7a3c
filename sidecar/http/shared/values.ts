import { invalid } from '../../ports/errors.ts'
import type { Position } from '../../ports/records.ts'
import type { CleanedCounts } from '../../text/cleaning/counts.ts'

/** Encodes a list position as an opaque cursor. */
export function encodeCursor({ order, id }: Position): string {
  return Buffer.from(JSON.stringify([order, id])).toString('base64url')
}

/** @throws {AppError} `invalid_request` for text that `encodeCursor` did not produce */
export function decodeCursor(cursor: string): Position {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    if (Array.isArray(value) && Number.isSafeInteger(value[0]) && typeof value[1] === 'string') {
      return { order: value[0] as number, id: value[1] }
    }
  } catch {}
  throw invalid('cursor', 'next_cursor of the previous page', cursor)
}

export function roundTo(value: number, digits = 3): number {
  const factor = 10 ** digits
  return Math.round(value * factor) / factor
}

/** @param time epoch milliseconds */
export function toIso(time: number): string
export function toIso(time: number | null): string | null
export function toIso(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString()
}

/** For an answer: absent when nothing was cleaned. */
export function toCleaned(counts: CleanedCounts): CleanedCounts | undefined {
  return Object.keys(counts).length > 0 ? counts : undefined
}

/** Whether a parsed JSON value is an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

export function omitUndefined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>
}
