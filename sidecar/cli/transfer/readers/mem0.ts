import { inZone, parseLocalTime } from '../../../text/local-time.ts'
import { toIso } from '../input/dates.ts'
import { readElements } from '../input/elements.ts'
import {
  convert,
  type Entry,
  type Fields,
  firstId,
  firstValue,
  InvalidEntry,
  isObject,
  optional,
  preview,
  type Source,
} from '../input/entry.ts'
import { flatMetadata, sharedFields } from './turn-builder.ts'

/** mem0 stamps with this zone wherever it runs, so that the offset says nothing about the user. */
const MEM0_ZONE = 'America/Los_Angeles'

/**
 * Reads the result of mem0's `get_all`: `{"results": […]}` or the bare list, from the Python or TypeScript library, the
 * server or the platform. Every entry becomes one memory.
 */
export function readMem0(source: Source): AsyncGenerator<Entry> {
  const toEntries = (value: unknown, line: number) => [toEntry(value, line, source.date)]
  return convert(readElements(source), toEntries, 'results', 'memories')
}

function toEntry(value: unknown, line: number, fileDate: string): Entry {
  const memory = isObject(value) ? firstValue(value, 'memory', 'data') : undefined
  if (!isObject(value) || typeof memory !== 'string') {
    throw new InvalidEntry(`expected a mem0 entry with "memory", got ${preview(value)}`)
  }
  const created = dateIn(value, 'created_at', 'createdAt')
  const updated = dateIn(value, 'updated_at', 'updatedAt')
  const role = firstValue(value, 'role', 'attributed_to', 'attributedTo')
  const { categories } = value
  const { metadata, ...shared } = sharedFields(value)
  const body = {
    ...optional('id', firstId(value, 'id')),
    memory,
    created_at: created ?? updated ?? fileDate,
    ...optional('updated_at', updated),
    ...optional('expires_at', dateIn(value, 'expiration_date', 'expirationDate')),
    ...shared,
    ...optional('name', firstId(value, 'actor_id', 'actorId')),
    ...(role === 'user' || role === 'assistant' ? { role } : {}),
    metadata: { ...metadata, ...(Array.isArray(categories) ? flatMetadata({ categories }) : {}) },
  }
  return { kind: 'memory', line, userId: firstId(value, 'user_id', 'userId') ?? null, body }
}

function dateIn(value: Fields, ...names: readonly string[]): string | undefined {
  const found = firstValue(value, ...names)
  if (found === undefined) return undefined
  const date = toIso(found)
  const { at, utc_offset } = parseLocalTime(date)
  return utc_offset === inZone({ at }, MEM0_ZONE).utc_offset ? new Date(at).toISOString() : date
}
