import { type AppError, clip, invalid } from '../../ports/errors.ts'
import type { Condition, Json } from '../../ports/records.ts'
import { type Operator, toCondition } from './filter-condition.ts'
import { type Memory, tierOf } from './memory.ts'

/**
 * Filters of a read: `{"AND": [f, …]}`, `{"OR": [f, …]}`, `{"NOT": f}`, or `{field: condition, …}` where all hold.
 * A condition is a value (equal to), a list (one of), or `{operator: value, …}` where all hold. Fields are the
 * system fields below or `metadata.<key>`. Every value is a literal: `*` matches an asterisk.
 */
export interface Filter {
  accepts: Predicate
  /** The same as a condition on the stored payload, for a store; `undefined` where a store cannot tell. */
  where: Condition | undefined
}

export type Predicate = (memory: Memory) => boolean

/** Limits of one filter: nesting levels, conditions and branches, values per list. */
const MAX_DEPTH = 8
const MAX_CONDITIONS = 64
const MAX_VALUES = 1000

type Value = Json | undefined

/** Fields that a filter reads from the memory as they are. */
const PLAIN_FIELDS = [
  ...([
    'id',
    'role',
    'speaker',
    'kind',
    'topic',
    'sub_topic',
    'importance',
    'event_date',
    'version',
  ] as const),
  ...(['agent_id', 'run_id', 'app_id', 'created_at', 'updated_at', 'valid_from', 'expires_at'] as const),
]

const SYSTEM_FIELDS: Record<string, (memory: Memory) => Value> = {
  ...Object.fromEntries(PLAIN_FIELDS.map((field) => [field, (memory: Memory) => memory[field]])),
  memory: (memory) => memory.text,
  tier: tierOf,
  conversation_id: (memory) => memory.sources.map((source) => source.conversation_id),
  turn: (memory) => memory.sources.map((source) => source.turn),
  at: (memory) => memory.sources[0]?.at,
}

/** Times: filters give ISO 8601, memories hold epoch milliseconds. */
const TIMES = new Set(['at', 'created_at', 'updated_at', 'valid_from', 'expires_at'])

type Test = (value: Value, operand: Json) => boolean

const OPERATORS = {
  eq: equals,
  ne: (value, operand) => !equals(value, operand),
  in: (value, operand) => (operand as readonly Json[]).some((one) => equals(value, one)),
  nin: (value, operand) => !(operand as readonly Json[]).some((one) => equals(value, one)),
  gt: ordered((comparison) => comparison > 0),
  gte: ordered((comparison) => comparison >= 0),
  lt: ordered((comparison) => comparison < 0),
  lte: ordered((comparison) => comparison <= 0),
  contains: (value, operand) =>
    typeof value === 'string'
      ? value.includes(String(operand))
      : Array.isArray(value) && value.includes(operand),
  icontains: (value, operand) =>
    (Array.isArray(value) ? value : [value]).some(
      (one) => typeof one === 'string' && one.toLowerCase().includes(String(operand).toLowerCase()),
    ),
  exists: (value, operand) => (value !== undefined && value !== null) === operand,
} satisfies Record<Operator, Test>

/** @throws {AppError} `invalid_request` with the path within the filter, what was expected and what was given */
export function compileFilter(filter: unknown, field = 'filters'): Filter {
  return compile(filter, field, MAX_DEPTH, { conditions: MAX_CONDITIONS })
}

function compile(filter: unknown, path: string, depth: number, budget: { conditions: number }): Filter {
  if (depth === 0) throw invalid(path, `at most ${MAX_DEPTH} levels of nesting`)
  if (!isObject(filter)) throw invalid(path, 'an object', filter)
  // An empty branch is evaluated for every memory as well.
  spend(budget, path)
  const keys = Object.keys(filter)
  // Each key is at least one condition, so too many are rejected before 50,000 values are parsed.
  if (keys.length > MAX_CONDITIONS) throw tooMany(path)
  const parts = keys.map((key): Filter => {
    const value = filter[key]
    const place = `${path}.${clip(key)}`
    if (key === 'AND' || key === 'OR') {
      if (!Array.isArray(value)) throw invalid(place, 'a list of filters', value)
      const branches = value.map((one, i) => compile(one, `${place}[${i}]`, depth - 1, budget))
      return key === 'AND' ? allOf(branches) : anyOf(branches)
    }
    if (key === 'NOT') {
      const { accepts, where } = compile(value, place, depth - 1, budget)
      return { accepts: (memory) => !accepts(memory), where: where && { not: where } }
    }
    return compileField(key, value, place, budget)
  })
  return allOf(parts)
}

function allOf(parts: readonly Filter[]): Filter {
  const known = parts.flatMap(({ where }) => where ?? [])
  return {
    accepts: (memory) => parts.every(({ accepts }) => accepts(memory)),
    // Every part is needed, because a negation of the whole would not admit what a missing part excludes.
    where: known.length === parts.length ? { all: known } : undefined,
  }
}

function anyOf(parts: readonly Filter[]): Filter {
  const known = parts.flatMap(({ where }) => where ?? [])
  return {
    accepts: (memory) => parts.some(({ accepts }) => accepts(memory)),
    where: known.length === parts.length ? { any: known } : undefined,
  }
}

function compileField(
  name: string,
  condition: unknown,
  path: string,
  budget: { conditions: number },
): Filter {
  const read = reader(name, path)
  const operators = isObject(condition)
    ? Object.entries(condition)
    : [[Array.isArray(condition) ? 'in' : 'eq', condition] as const]
  const tests = operators.map(([operator, operand]): Filter => {
    spend(budget, path)
    const test = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator as Operator] : undefined
    if (!test) throw invalid(path, `one of the operators ${Object.keys(OPERATORS).join(', ')}`, operator)
    const checked = checkOperand(operator, operand, `${path}.${operator}`, TIMES.has(name))
    return {
      accepts: (memory) => test(read(memory), checked),
      where: toCondition(name, operator as Operator, checked),
    }
  })
  return allOf(tests)
}

function spend(budget: { conditions: number }, path: string): void {
  budget.conditions -= 1
  if (budget.conditions < 0) throw tooMany(path)
}

function tooMany(path: string): AppError {
  return invalid(path, `at most ${MAX_CONDITIONS} conditions in one filter`)
}

function reader(name: string, path: string): (memory: Memory) => Value {
  if (name.startsWith('metadata.')) {
    const key = name.slice('metadata.'.length)
    return ({ metadata }) => {
      const value = Object.hasOwn(metadata, key) ? metadata[key] : undefined
      // Null is the absence of a value, which a store can only find for a whole field.
      return Array.isArray(value) ? value.filter((one) => one !== null) : value
    }
  }
  const read = Object.hasOwn(SYSTEM_FIELDS, name) ? SYSTEM_FIELDS[name] : undefined
  if (!read) {
    throw invalid(
      path,
      `metadata.<key>, AND, OR, NOT or one of ${Object.keys(SYSTEM_FIELDS).join(', ')}`,
      name,
    )
  }
  return read
}

function checkOperand(operator: string, operand: unknown, path: string, isTime: boolean): Json {
  if (operator === 'exists') {
    if (typeof operand !== 'boolean') throw invalid(path, 'true or false', operand)
    return operand
  }
  if (operator === 'in' || operator === 'nin') {
    if (!Array.isArray(operand) || operand.length > MAX_VALUES) {
      throw invalid(path, `a list of at most ${MAX_VALUES} values`, operand)
    }
    return operand.map((one, i) => scalar(one, `${path}[${i}]`, isTime))
  }
  const value = scalar(operand, path, isTime)
  if (
    ['gt', 'gte', 'lt', 'lte'].includes(operator) &&
    typeof value !== 'number' &&
    typeof value !== 'string'
  ) {
    throw invalid(path, 'a number or a string', operand)
  }
  return value
}

function scalar(value: unknown, path: string, isTime: boolean): Json {
  if (isTime && value !== null) {
    // `Date.parse` alone also takes "5" and "March" for times.
    const time = typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(value) : Number.NaN
    if (Number.isNaN(time)) throw invalid(path, 'an ISO 8601 time', value)
    return time
  }
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value as Json
  throw invalid(path, 'a string, number, boolean or null', value)
}

/** A list equals each of its members, so that a memory from two conversations matches both. */
function equals(value: Value, operand: Json): boolean {
  return Array.isArray(value) ? value.includes(operand) : (value ?? null) === operand
}

/** Only two numbers or two strings can be compared; any other comparison is false. */
function ordered(holds: (comparison: number) => boolean): Test {
  return (value, operand) => {
    const values = Array.isArray(value) ? value : [value]
    return values.some((one) => {
      if (typeof one === 'number' && typeof operand === 'number') return holds(one - operand)
      if (typeof one === 'string' && typeof operand === 'string')
        return holds(one < operand ? -1 : +(one > operand))
      return false
    })
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
