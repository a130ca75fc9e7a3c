import { BadDate, toIso } from '../dates.ts'
import { readElements } from '../elements.ts'
import { type Entry, type Fields, firstOf, idOf, isObject, optional, type Source, show } from '../entry.ts'
import { flatMetadata } from './turns.ts'

/**
 * What mem0 answers to `get_all`: `{"results": […]}` or the bare list, of the Python or the TypeScript library, its
 * server or its platform. Each is a memory already, and is taken in as one.
 */
export async function* readMem0(source: Source): AsyncGenerator<Entry> {
  for await (const element of readElements(source)) {
    const { line } = element
    if ('problem' in element) {
      yield { kind: 'problem', line, reason: element.problem }
      continue
    }
    const { value } = element
    const page = isObject(value) ? firstOf(value, 'results', 'memories') : value
    for (const one of Array.isArray(page) ? page : [value]) yield toEntry(one, line, source.date)
  }
}

function toEntry(value: unknown, line: number, fileDate: string): Entry {
  const memory = isObject(value) ? firstOf(value, 'memory', 'data') : undefined
  if (!isObject(value) || typeof memory !== 'string') {
    return { kind: 'problem', line, reason: `expected a memory of mem0 with "memory", got ${show(value)}` }
  }
  try {
    const created = date(value, 'created_at', 'createdAt')
    const updated = date(value, 'updated_at', 'updatedAt')
    const role = firstOf(value, 'role', 'attributed_to', 'attributedTo')
    const categories = value['categories']
    const metadata = isObject(value['metadata']) ? flatMetadata(value['metadata']) : {}
    const body = {
      ...optional('id', idOf(value, 'id')),
      memory,
      created_at: created ?? updated ?? fileDate,
      ...optional('updated_at', updated),
      ...optional('expires_at', date(value, 'expiration_date', 'expirationDate')),
      ...optional('agent_id', idOf(value, 'agent_id', 'agentId')),
      ...optional('run_id', idOf(value, 'run_id', 'runId')),
      ...optional('app_id', idOf(value, 'app_id', 'appId')),
      ...optional('name', idOf(value, 'actor_id', 'actorId')),
      ...(role === 'user' || role === 'assistant' ? { role } : {}),
      metadata: { ...metadata, ...(Array.isArray(categories) ? flatMetadata({ categories }) : {}) },
    }
    return { kind: 'memory', line, userId: idOf(value, 'user_id', 'userId') ?? null, body }
  } catch (error) {
    if (!(error instanceof BadDate)) throw error
    return { kind: 'problem', line, reason: error.message }
  }
}

function date(value: Fields, ...names: readonly string[]): string | undefined {
  const found = firstOf(value, ...names)
  return found === undefined ? undefined : toIso(found)
}
