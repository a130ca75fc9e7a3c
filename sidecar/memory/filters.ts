import { clip, invalid } from '../errors.ts'
import type { Condition, Field, Fields, Json } from '../ports/records.ts'
import { type Memory, tierOf } from './memory.ts'

/**
 * Filters of a read: `{"AND": [f, …]}`, `{"OR": [f, …]}`, `{"NOT": f}`, or `{field: condition, …}` where all hold.
 * A condition is a value (equal to), a list (one of), or `{operator: value, …}` where all hold. Fields are the
 * system fields below or `metadata.<key>`. Every value is a literal: `*` matches a star.
 */
export type Predicate = (memory: Memory) => boolean

/** How deep filters may nest, how many conditions and branches one may hold, and how many values a list of one. */
const MAX_DEPTH = 8
const MAX_CONDITIONS = 64
const MAX_VALUES = 1000

/** A filter that was understood. */
export interface Filter {
  accepts: Predicate
  /** The same as far as a store can tell by the fields of a record; absent where it can tell nothing. */
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

/** Fields that hold a time: compared as epoch milliseconds, given as ISO 8601. */
const TIMES = new Set(['at', 'created_at', 'updated_at', 'valid_from', 'expires_at'])

/** Fields that hold a list: one value for each time that it was said. */
const LISTS = new Set(['conversation_id', 'turn'])

/** Fields that hold a number, each or in a list. */
const NUMBERS = new Set(['importance', 'version', 'turn', ...TIMES])

/** What a memory can be filtered by, for a store that looks by itself. */
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

/** @throws {AppError} `invalid_request`, naming the place within the filter, what was expected and what came. */
export function compileFilter(filter: unknown, field = 'filters'): Predicate {
  return parseFilter(filter, field).accepts
}

/** The same for a search in a store. */
export function parseFilter(filter: unknown, field = 'filters'): Filter {
  const budget = { conditions: MAX_CONDITIONS }
  const { accepts, where } = compile(filter, field, MAX_DEPTH, budget)
  return { accepts, where: where?.condition }
}

/** `isExact`: what the condition lets through is what the predicate does, and not more than that. */
interface Compiled {
  accepts: Predicate
  where: { condition: Condition; isExact: boolean } | undefined
}

function compile(filter: unknown, path: string, depth: number, budget: { conditions: number }): Compiled {
  if (depth === 0) throw invalid(path, `at most ${MAX_DEPTH} levels of nesting`)
  if (!isObject(filter)) throw invalid(path, 'an object', filter)
  // An empty branch costs time on every memory as well.
  spend(budget, path)
  const parts = Object.entries(filter).map(([key, value]): Compiled => {
    const place = `${path}.${clip(key)}`
    if (key === 'AND' || key === 'OR') {
      if (!Array.isArray(value)) throw invalid(place, 'a list of filters', value)
      const branches = value.map((one, i) => compile(one, `${place}[${i}]`, depth - 1, budget))
      return key === 'AND' ? allOf(branches) : anyOf(branches)
    }
    if (key === 'NOT') return not(compile(value, place, depth - 1, budget))
    return compileField(key, value, place, budget)
  })
  return allOf(parts)
}

function allOf(parts: readonly Compiled[]): Compiled {
  const told = parts.flatMap(({ where }) => where ?? [])
  const isExact = told.length === parts.length && told.every((one) => one.isExact)
  return {
    accepts: (memory) => parts.every(({ accepts }) => accepts(memory)),
    where:
      told.length === 0 && parts.length > 0
        ? undefined
        : { condition: { all: told.map(({ condition }) => condition) }, isExact },
  }
}

function anyOf(parts: readonly Compiled[]): Compiled {
  const told = parts.flatMap(({ where }) => where ?? [])
  return {
    accepts: (memory) => parts.some(({ accepts }) => accepts(memory)),
    where:
      told.length < parts.length
        ? undefined
        : {
            condition: { any: told.map(({ condition }) => condition) },
            isExact: told.every((one) => one.isExact),
          },
  }
}

/** Of what lets too much through, the opposite lets too little through. */
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
    const told = Object.hasOwn(SYSTEM_FIELDS, name) ? conditionOf(name, operator, checked) : undefined
    return {
      accepts: (memory) => test(read(memory), checked),
      where: told && { condition: told, isExact: true },
    }
  })
  return allOf(tests)
}

const NEVER: Condition = { any: [] }

/** The same condition on the fields of a record; nothing where they do not tell. */
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
      // A list is there even where it holds nothing.
      return isList ? (operand ? { all: [] } : NEVER) : { field, exists: operand as boolean }
    default:
      if (isNumber) return typeof operand === 'number' ? { field, range: { [operator]: operand } } : NEVER
      // The order of texts is none that a store would know.
      return typeof operand === 'string' ? undefined : NEVER
  }
}

function oneOf(field: string, operands: readonly Json[]): Condition | undefined {
  const values = operands.filter((one) => typeof one === 'string' || typeof one === 'number')
  const some: Condition = { field, oneOf: values }
  if (!operands.includes(null)) return some
  // Whether a list holds `null` is not among its fields.
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
    // `Date.parse` alone also takes "5" and "March" for times.
    const time = typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(value) : Number.NaN
    if (Number.isNaN(time)) throw invalid(path, 'an ISO 8601 time', value)
    return time
  }
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value as Json
  throw invalid(path, 'a string, number, boolean or null', value)
}

/** A list holds what it has among its members, so that a memory said in two conversations is found by each. */
function equals(value: Value, operand: Json): boolean {
  return Array.isArray(value) ? value.includes(operand) : (value ?? null) === operand
}

/** Only values of one kind have an order; across kinds no comparison holds. */
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
