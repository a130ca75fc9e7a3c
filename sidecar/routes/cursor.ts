import { invalid } from '../errors.ts'
import type { Position } from '../ports/records.ts'

/** A place in a list as an opaque text. */
export function encodeCursor({ order, id }: Position): string {
  return Buffer.from(JSON.stringify([order, id])).toString('base64url')
}

/** @throws {AppError} `invalid_request` for a text that `encodeCursor` did not make. */
export function decodeCursor(cursor: string): Position {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    if (Array.isArray(value) && Number.isSafeInteger(value[0]) && typeof value[1] === 'string') {
      return { order: value[0] as number, id: value[1] }
    }
  } catch {}
  throw invalid('cursor', 'the next_cursor of the page before', cursor)
}
