import { createHash } from 'node:crypto'
import type { Field, Fields } from '../../ports/records.ts'

/**
 * The indexed fields and their types. Other fields are not stored, so users cannot add indexes. Integers are floats too,
 * because Qdrant truncates the bounds of a range over integers.
 */
const KINDS = {
  id: 'keyword',
  memory: 'keyword',
  role: 'keyword',
  speaker: 'keyword',
  kind: 'keyword',
  tier: 'keyword',
  topic: 'keyword',
  sub_topic: 'keyword',
  importance: 'float',
  event_date: 'keyword',
  version: 'float',
  turn: 'float',
  conversation_id: 'keyword',
  agent_id: 'keyword',
  run_id: 'keyword',
  app_id: 'keyword',
  at: 'float',
  valid_from: 'float',
  expires_at: 'float',
  created_at: 'float',
  updated_at: 'float',
} as const

type Name = keyof typeof KINDS

/** Fields of any length that are only compared for equality. */
const HASHED: ReadonlySet<string> = new Set<Name>(['memory'])

/** Key of the fields in a point's payload. */
const FIELDS_KEY = 'fields'

/** Payload indexes by field path. */
export const FIELD_INDEXES: Record<string, { type: 'keyword' | 'float' }> = Object.fromEntries(
  Object.entries(KINDS).map(([name, type]) => [`${FIELDS_KEY}.${name}`, { type }]),
)

/** Converts fields to values that match their index types. */
export function toStoredFields(fields: Fields): Record<string, string | number | (string | number)[]> {
  const stored: Record<string, string | number | (string | number)[]> = {}
  for (const [name, kind] of Object.entries(KINDS)) {
    const field = Object.hasOwn(fields, name) ? (fields[name] as Field) : null
    const values = (Array.isArray(field) ? field : [field]).flatMap(
      (value) => toStored(name, kind, value) ?? [],
    )
    if (values.length === 0) continue
    stored[name] = Array.isArray(field) ? values : (values[0] as string | number)
  }
  return stored
}

/** `undefined` for a value of another type. Truncated text may contain a lone surrogate, which servers reject. */
function toStored(name: string, kind: 'keyword' | 'float', value: unknown): string | number | undefined {
  if (kind === 'float') return Number.isFinite(value) ? (value as number) : undefined
  if (typeof value !== 'string') return undefined
  if (value.isWellFormed() && !HASHED.has(name)) return value
  return createHash('sha256').update(value, 'utf16le').digest('base64url')
}
