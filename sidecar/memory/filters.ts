import { clip, invalid } from '../errors.ts'
import type { Condition, Field, Fields, Json } from '../ports/records.ts'
import { type Memory, tierOf } from './memory.ts'

/**
 * A filter is `{"AND": [f, …]}`, `{"OR": [f, …]}`, `{"NOT": f}` or `{field: condition, …}`, where every condition must
 * hold. A condition is a value (equal to), a list (one of) or `{operator: value, …}`. Fields are the system fields below
 * or `metadata.<key>`. There are no wildcards: `*` matches a literal star.
 */
export type Predicate = (memory: Memory) => boolean

/** Limits of one filter: nesting levels, conditions and branches, values of one list. */
const MAX_DEPTH = 8
const MAX_CONDITIONS = 64
const MAX_VALUES = 1000

/** A parsed filter. */
export interface Filter {
  accepts: Predicate
  /** A condition for the store that accepts at least the same records; absent where the store cannot narrow. */
  where: Condition | undefined
}

type Value = Json | undefined

const SYSTEM_FIELDS: Record<string, (memory: Memory) => Value> = {
  id: (memory) => memory.id,
  memory: (memory) => memory.text,
  role: (memory) => memory.role,
  speaker: (memory) => memory.speaker,
  kind: (memory) => memory.kind,
  tier: tierOf,
  topic: (memory) => memory.topic,
  sub_topic: (memory) => memory.sub_topic,
  importance: (memory) => memory.importance,
  event_date: (memory) => memory.event_date,
  version: (memory) => memory.version,
  agent_id: (memory) => memory.agent_id,
  run_id: (memory) => memory.run_id,
  app_id: (memory) => memory.app_id,
  conversation_id: (memory) => memory.sources.map((source) => source.conversation_id),
  turn: (memory) => memory.sources.map((source) => source.turn),
  at: (memory) => memory.sources[0]?.at,
  created_at: (memory) => memory.created_at,
  updated_at: (memory) => memory.updated_at,
  valid_from: (memory) => memory.valid_from,
  expires_at: (memory) => memory.expires_at,
}

/** Times: ISO 8601 in filters, compared as epoch milliseconds. */
const TIMES = new Set(['at', 'created_at', 'updated_at', 'valid_from', 'expires_at'])

/** Lists: one value per source. */
const LISTS = new Set(['conversation_id', 'turn'])

/** Numbers and lists of numbers. */
const NUMBERS = new Set(['importance', 'version', 'turn', ...TIMES])

/** The filter fields of a memory, for a store that filters by itself. */
export function fieldsOf(memory: Memory): Fields {
  const fields = Object.entries(SYSTEM_FIELDS).map(([name, read]) => [name, (read(memory) ?? null) as Field])
  return Object.fromEntries(fields)
}

type Test = (value: Value, operand: Json) => boolean

const OPERATORS: Record<string, Test> = {
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
  exists: (value, operand) => (value !== undefined && value !== null) === operand,
}

/** @throws {AppError} `invalid_request` with the path in the filter, the expected and the received value */
export function compileFilter(filter: unknown, field = 'filters'): Predicate {
  return parseFilter(filter, field).accepts
}

/** As `compileFilter`, with the condition for a search in the store. */
export function parseFilter(filter: unknown, field = 'filters'): Filter {
  const budget = { conditions: MAX_CONDITIONS }
  const { accepts, where } = compile(filter, field, MAX_DEPTH, budget)
  return { accepts, where: where?.condition }
}

/** `isExact`: the condition accepts the same records as the predicate, not more. */
interface Compiled {
  accepts: Predicate
  where: { condition: Condition; isExact: boolean } | undefined
}

function compile(filter: unknown, path: string, depth: number, budget: { conditions: number }): Compiled {
  if (depth === 0) throw invalid(path, `at most ${MAX_DEPTH} levels of nesting`)
  if (!isObject(filter)) throw invalid(path, 'an object', filter)
  // Counts empty branches too: they cost time on every memory.
  spend(budget, path)
  const parts = Object.entries(filter).map(([key, value]): Compiled => {
    const fieldPath = `${path}.${clip(key)}`
    if (key === 'AND' || key === 'OR') {
      if (!Array.isArray(value)) throw invalid(fieldPath, 'a list of filters', value)
      const branches = value.map((one, i) => compile(one, `${fieldPath}[${i}]`, depth - 1, budget))
      return key === 'AND' ? allOf(branches) : anyOf(branches)
    }
    if (key === 'NOT') return not(compile(value, fieldPath, depth - 1, budget))
    return compileField(key, value, fieldPath, budget)
  })
  return allOf(parts)
}

function allOf(parts: readonly Compiled[]): Compiled {
  const conditions = parts.flatMap(({ where }) => where ?? [])
  const isExact = conditions.length === parts.length && conditions.every((one) => one.isExact)
  return {
    accepts: (memory) => parts.every(({ accepts }) => accepts(memory)),
    where:
      conditions.length === 0 && parts.length > 0
        ? undefined
        : { condition: { all: conditions.map(({ condition }) => condition) }, isExact },
  }
}

function anyOf(parts: readonly Compiled[]): Compiled {
  const conditions = parts.flatMap(({ where }) => where ?? [])
  return {
    accepts: (memory) => parts.some(({ accepts }) => accepts(memory)),
    where:
      conditions.length < parts.length
        ? undefined
        : {
            condition: { any: conditions.map(({ condition }) => condition) },
            isExact: conditions.every((one) => one.isExact),
          },
  }
}

/** The negation of a condition that accepts too much would accept too little. */
function not({ accepts, where }: Compiled): Compiled {
  return {
    accepts: (memory) => !accepts(memory),
    where: where?.isExact ? { condition: { not: where.condition }, isExact: true } : undefined,
  }
}

function compileField(
  name: string,
  condition: unknown,
  path: string,
  budget: { conditions: number },
): Compiled {
  const read = reader(name, path)
  const operators = isObject(condition)
    ? Object.entries(condition)
    : [[Array.isArray(condition) ? 'in' : 'eq', condition] as const]
  const tests = operators.map(([operator, operand]): Compiled => {
    spend(budget, path)
    const test = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined
    if (!test) throw invalid(path, `one of the operators ${Object.keys(OPERATORS).join(', ')}`, operator)
    const checked = checkOperand(operator, operand, `${path}.${operator}`, TIMES.has(name))
    const condition = Object.hasOwn(SYSTEM_FIELDS, name) ? conditionOf(name, operator, checked) : undefined
    return {
      accepts: (memory) => test(read(memory), checked),
      where: condition && { condition, isExact: true },
    }
  })
  return allOf(tests)
}

const NEVER: Condition = { any: [] }

/** The condition on the fields of a record; `undefined` where the store cannot evaluate it. */
function conditionOf(field: string, operator: string, operand: Json): Condition | undefined {
  const isList = LISTS.has(field)
  const isNumber = NUMBERS.has(field)
  switch (operator) {
    case 'eq':
      return oneOf(field, [operand])
    case 'in':
      return oneOf(field, operand as readonly Json[])
    case 'ne':
    case 'nin': {
      const opposite = conditionOf(field, operator === 'ne' ? 'eq' : 'in', operand)
      return opposite && { not: opposite }
    }
    case 'contains':
      if (isList) return oneOf(field, [operand])
      return isNumber ? NEVER : undefined
    case 'exists':
      // An empty list exists too.
      return isList ? (operand ? { all: [] } : NEVER) : { field, exists: operand as boolean }
    default:
      if (isNumber) return typeof operand === 'number' ? { field, range: { [operator]: operand } } : NEVER
      // Stores do not order texts.
      return typeof operand === 'string' ? undefined : NEVER
  }
}

function oneOf(field: string, operands: readonly Json[]): Condition | undefined {
  const values = operands.filter((one) => typeof one === 'string' || typeof one === 'number')
  const some: Condition = { field, oneOf: values }
  if (!operands.includes(null)) return some
  // The fields of a record do not say whether a list has `null`.
  return LISTS.has(field) ? undefined : { any: [some, { field, exists: false }] }
}

function spend(budget: { conditions: number }, path: string): void {
  budget.conditions -= 1
  if (budget.conditions < 0) throw invalid(path, `at most ${MAX_CONDITIONS} conditions in one filter`)
}

function reader(name: string, path: string): (memory: Memory) => Value {
  if (name.startsWith('metadata.')) {
    const key = name.slice('metadata.'.length)
    return (memory) => (Object.hasOwn(memory.metadata, key) ? memory.metadata[key] : undefined)
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
    // `Date.parse` alone also accepts "5" and "March".
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

/** Compares numbers with numbers and strings with strings; any other comparison is false. */
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
