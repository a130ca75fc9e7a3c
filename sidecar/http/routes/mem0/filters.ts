import { compileFilter, type Filter } from '../../../memory/model/filters.ts'
import { clip, invalid } from '../../../ports/errors.ts'
import { isObject, omitUndefined } from '../../shared/values.ts'
import { ENTITIES, type EntityIds, entityId, foreignId, ownerOf } from './owner.ts'

type Conditions = Record<string, unknown>

/** Nesting levels of a filter, as in `compileFilter`. */
const MAX_DEPTH = 8

const ALL_FIELDS = [
  ...ENTITIES,
  'categories',
  'metadata',
  'keywords',
  'memory_ids',
  'created_at',
  'updated_at',
  'timestamp',
]

/**
 * Reads the filters of mem0 (v2 syntax): the one owner whose memories are read, and the conditions on them.
 * @param ids entities that the request names outside of the filters
 * @throws {AppError} `invalid_request` unless the filters select exactly one owner
 */
export function readFilters(filters: unknown, ids: EntityIds = {}): { userId: string; filter: Filter } {
  const owner: EntityIds = { ...ids }
  const conditions = filters === undefined ? {} : translate(filters, 'filters', MAX_DEPTH, owner)
  const userId = ownerOf(owner, 'filters')
  const { user_id: _, ...labels } = omitUndefined(ids)
  const isNarrowed = Object.keys(labels).length > 0
  return { userId, filter: compileFilter(isNarrowed ? { AND: [labels, conditions] } : conditions) }
}

/** @param owner collects the entities that every match has; absent inside OR and NOT */
function translate(filter: unknown, path: string, depth: number, owner: EntityIds | undefined): Conditions {
  if (depth === 0) throw invalid(path, `at most ${MAX_DEPTH} levels of nesting`)
  if (!isObject(filter)) throw invalid(path, 'an object', filter)
  const parts = Object.entries(filter).map(([key, value]): Conditions => {
    const place = `${path}.${clip(key)}`
    if (key !== 'AND' && key !== 'OR' && key !== 'NOT') return translateField(key, value, place, owner)
    const branches = key === 'NOT' && isObject(value) ? [value] : value
    if (!Array.isArray(branches)) throw invalid(place, 'a list of filters', value)
    const isConjunction = key === 'AND' || (key === 'OR' && branches.length === 1)
    const inner = branches.map((one, i) =>
      translate(one, `${place}[${i}]`, depth - 1, isConjunction ? owner : undefined),
    )
    return key === 'NOT' ? { NOT: { OR: inner } } : { [key]: inner }
  })
  // Every field has names of its own after the translation.
  return Object.assign({}, ...parts)
}

function translateField(
  name: string,
  value: unknown,
  path: string,
  owner: EntityIds | undefined,
): Conditions {
  switch (name) {
    case 'user_id':
      return takeUser(value, path, owner)
    case 'agent_id':
    case 'run_id':
    case 'app_id': {
      const one = oneOf(value)
      if (owner && typeof one === 'string' && one !== '*') owner[name] ??= readId(one, path)
      return { [name]: orAny(value) }
    }
    case 'created_at':
    case 'updated_at':
      return { [name]: orAny(value) }
    case 'timestamp':
      return { at: mapOperands(value, toTime) }
    case 'categories':
      // A memory has one topic, so a list that contains a value is this value.
      return { topic: isObject(value) && 'contains' in value ? { eq: value['contains'] } : orAny(value) }
    case 'keywords':
      return { memory: isObject(value) ? value : { contains: value } }
    case 'memory_ids':
      return { id: { in: readIds(value, path) } }
    case 'metadata': {
      if (!isObject(value)) throw invalid(path, 'an object of conditions by key', value)
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [`metadata.${key}`, orAny(one)]))
    }
    default:
      throw invalid(
        path,
        `AND, OR, NOT or one of ${ALL_FIELDS.join(', ')} (a field of your own is metadata: {…})`,
        name,
      )
  }
}

/** The user is where the memories are read, and no condition on them. */
function takeUser(value: unknown, path: string, owner: EntityIds | undefined): Conditions {
  const one = oneOf(value)
  if (!owner || typeof one !== 'string' || one === '*') {
    throw invalid(path, 'one user, outside of OR and NOT (a request reads the memories of one user)', value)
  }
  const id = readId(one, path)
  if (owner.user_id !== undefined && owner.user_id !== id) throw invalid(path, 'the same user everywhere', id)
  owner.user_id = id
  return {}
}

function readId(value: string, path: string): string {
  const { success, data } = entityId.safeParse(value)
  if (!success) throw invalid(path, 'an id of 1 to 256 characters', value)
  return data
}

function readIds(value: unknown, path: string): string[] {
  const list = isObject(value) ? value['in'] : value
  if (!Array.isArray(list)) throw invalid(path, 'a list of ids', value)
  return list.map((one, i) => {
    const { success, data } = foreignId.safeParse(one)
    if (!success) throw invalid(`${path}[${i}]`, 'an id that an answer of this API contained', one)
    return data.id
  })
}

/** The only value that a condition admits, if there is one. */
function oneOf(condition: unknown): unknown {
  if (Array.isArray(condition)) return condition.length === 1 ? condition[0] : undefined
  if (!isObject(condition)) return condition
  const [[operator, operand] = [], ...others] = Object.entries(condition)
  if (others.length > 0 || (operator !== 'eq' && operator !== 'in')) return undefined
  return operator === 'in' ? oneOf(Array.isArray(operand) ? operand : undefined) : operand
}

/** `*` is any value but null. */
function orAny(condition: unknown): unknown {
  return condition === '*' ? { exists: true } : condition
}

function mapOperands(condition: unknown, map: (operand: unknown) => unknown): unknown {
  if (!isObject(condition)) return map(condition)
  return Object.fromEntries(Object.entries(condition).map(([operator, one]) => [operator, map(one)]))
}

/** Seconds since 1970 or ISO 8601. */
function toTime(value: unknown): unknown {
  return typeof value === 'number' && Math.abs(value) < 8e12 ? new Date(value * 1000).toISOString() : value
}
