import { InvalidDate, toIso } from '../input/dates.ts'
import { readElements } from '../input/elements.ts'
import {
  type Entry,
  type Fields,
  firstId,
  firstValue,
  isObject,
  optional,
  preview,
  type Source,
} from '../input/entry.ts'
import { flatMetadata } from './turn-builder.ts'

/**
 * Reads the result of mem0's `get_all`: `{"results": […]}` or the bare list, from the Python or TypeScript library, the
 * server or the platform. Every entry becomes one memory.
 */
export async function* readMem0(source: Source): AsyncGenerator<Entry> {
  for await (const element of readElements(source)) {
    const { line } = element
    if ('problem' in element) {
      yield { kind: 'problem', line, reason: element.problem }
      continue
    }
    const { value } = element
    const page = isObject(value) ? firstValue(value, 'results', 'memories') : value
    for (const one of Array.isArray(page) ? page : [value]) yield toEntry(one, line, source.date)
  }
}

function toEntry(value: unknown, line: number, fileDate: string): Entry {
  const memory = isObject(value) ? firstValue(value, 'memory', 'data') : undefined
  if (!isObject(value) || typeof memory !== 'string') {
    return { kind: 'problem', line, reason: `expected a mem0 entry with "memory", got ${preview(value)}` }
  }
  try {
    const created = dateIn(value, 'created_at', 'createdAt')
    const updated = dateIn(value, 'updated_at', 'updatedAt')
    const role = firstValue(value, 'role', 'attributed_to', 'attributedTo')
    const categories = value['categories']
    const metadata = isObject(value['metadata']) ? flatMetadata(value['metadata']) : {}
    const body = {
      ...optional('id', firstId(value, 'id')),
      memory,
      created_at: created ?? updated ?? fileDate,
      ...optional('updated_at', updated),
      ...optional('expires_at', dateIn(value, 'expiration_date', 'expirationDate')),
      ...optional('agent_id', firstId(value, 'agent_id', 'agentId')),
      ...optional('run_id', firstId(value, 'run_id', 'runId')),
      ...optional('app_id', firstId(value, 'app_id', 'appId')),
      ...optional('name', firstId(value, 'actor_id', 'actorId')),
      ...(role === 'user' || role === 'assistant' ? { role } : {}),
      metadata: { ...metadata, ...(Array.isArray(categories) ? flatMetadata({ categories }) : {}) },
    }
    return { kind: 'memory', line, userId: firstId(value, 'user_id', 'userId') ?? null, body }
  } catch (error) {
    if (!(error instanceof InvalidDate)) throw error
    return { kind: 'problem', line, reason: error.message }
  }
}

function dateIn(value: Fields, ...names: readonly string[]): string | undefined {
  const found = firstValue(value, ...names)
  return found === undefined ? undefined : toIso(found)
}
