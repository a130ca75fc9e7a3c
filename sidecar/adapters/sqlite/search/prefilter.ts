import type { Condition, Path } from '../../../ports/records.ts'

/** More values are not worth a statement of their own; SQLite limits their number. */
const MAX_VALUES = 200

type Leaf = Extract<Condition, { path: Path }>

/** SQL expressions on a row of `records`, with the values of all of them. */
export interface Prefilter {
  /** More than one if each can use an index, which SQLite does not use for several joined by OR. */
  alternatives: readonly string[]
  values: (string | number)[]
}

/**
 * Expressions of which every record that meets a condition passes one, and that are faster than `meets`, which decides.
 * They look for parts of the text of a payload: equal values have equal JSON.
 */
export function prefilter(condition: Condition): Prefilter {
  const values: Prefilter['values'] = []
  const alternatives = indexedAlternatives(condition, values) ?? [sqlOf(condition, values)]
  return values.length > MAX_VALUES ? { alternatives: ['1'], values: [] } : { alternatives, values }
}

function sqlOf(condition: Condition, values: Prefilter['values']): string {
  const each = (all: readonly Condition[]) => all.map((one) => `(${sqlOf(one, values)})`)
  if ('all' in condition) return each(condition.all).join(' AND ') || '1'
  if ('any' in condition) return each(condition.any).join(' OR ') || '0'
  if ('not' in condition) return '1'
  const { path } = condition
  if (path.length === 1 && path[0] === 'id' && 'equals' in condition) {
    // Searchable records are memories, whose ids are those of their records.
    return `collection = 'memories' AND id IN (${placeholders(condition.equals.map(String), values)})`
  }
  const indexed = indexedAlternatives(condition, values)
  if (indexed) return indexed.join(' OR ')
  const has = (text: string) => {
    values.push(text)
    return 'instr(payload, ?) > 0'
  }
  if ('equals' in condition) {
    return `(${condition.equals.map((value) => hasValue(path, value, has)).join(' OR ') || '0'})`
  }
  if ('contains' in condition) {
    const { contains } = condition
    // JSON escapes half of a surrogate pair, but not the pair.
    if (typeof contains === 'string' && !contains.isWellFormed()) return '1'
    const json = JSON.stringify(contains)
    return has(typeof contains === 'string' ? json.slice(1, -1) : json)
  }
  const key = path.findLast((one) => typeof one === 'string')
  const hasKey = key === undefined ? '1' : has(`${JSON.stringify(key)}:`)
  if (!('range' in condition)) return hasKey
  return `${hasKey} AND (${rangeAlternatives(path, condition.range, values).join(' OR ')})`
}

/** A number is in many payloads: it must follow its key, or be in an array that does. */
function hasValue(path: Path, value: string | number | boolean, has: (text: string) => string): string {
  const json = JSON.stringify(value)
  const key = path.at(-1)
  if (typeof key !== 'string' || typeof value === 'string') return has(json)
  const prefix = `${JSON.stringify(key)}:`
  return `${has(prefix + json)} OR ${has(`${prefix}[`)} AND ${has(json)}`
}

/** Paths with an index in the schema. */
const INDEXED = new Set(['["sources",0,"at"]', '["event_date"]'])

function indexedAlternatives(condition: Condition, values: Prefilter['values']): string[] | undefined {
  if (!('path' in condition) || !INDEXED.has(JSON.stringify(condition.path))) return undefined
  const { path } = condition
  if ('range' in condition) return rangeAlternatives(path, condition.range, values)
  const value = valueAt(path)
  if (!('equals' in condition) || condition.equals.some((one) => typeof one === 'boolean')) return undefined
  return [`${value} IN (${placeholders(condition.equals, values)})`, ...undecided(path, value as string)]
}

function placeholders(added: readonly (string | number | boolean)[], values: Prefilter['values']): string {
  values.push(...(added as Prefilter['values']))
  return added.map(() => '?').join(', ')
}

const OPERATORS = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const

function rangeAlternatives(
  path: Path,
  range: Extract<Leaf, { range: object }>['range'],
  values: Prefilter['values'],
): string[] {
  const bounds = Object.entries(range).filter(([, bound]) => bound !== undefined)
  // SQLite compares strings by another order, and large integers by digits that a double does not have.
  const areSafe = bounds.every(([, bound]) => typeof bound === 'number' && Math.abs(bound) < 2 ** 53)
  const value = valueAt(path)
  if (!areSafe || value === undefined) return ['1']
  const tests = bounds.map(([operator, bound]) => {
    values.push(bound as number)
    return `${value} ${OPERATORS[operator as keyof typeof OPERATORS]} ?`
  })
  return [tests.join(' AND ') || '1', ...undecided(path, value)]
}

/** The value at a path that meets no array where it names a key; undefined for keys that SQL would have to quote. */
function valueAt(path: Path): string | undefined {
  if (!path.every((key) => typeof key === 'number' || /^\w+$/.test(key))) return undefined
  const steps = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`))
  return `json_extract(payload, '$${steps.join('')}')`
}

/** Whether the value is an array, which SQLite returns as text, or the path may have met one. */
function undecided(path: Path, value: string): string[] {
  const isArray = `${value} BETWEEN '[' AND '\\'`
  return path.length > 1 ? [isArray, `${value} IS NULL`] : [isArray]
}
