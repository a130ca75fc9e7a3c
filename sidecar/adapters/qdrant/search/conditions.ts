import type { Schemas } from '@qdrant/js-client-rest'
import type { Condition } from '../../../ports/records.ts'
import { fieldOf } from './fields.ts'

type Filter = Schemas['Condition']

/** A condition on a payload as filters of Qdrant. */
export interface Translation {
  /** Met by every payload that meets the condition. */
  necessary: Filter
  /** Met only by payloads that meet the condition. */
  sufficient: Filter
  /** Whether both are the same for payloads without partial properties. */
  isExact: boolean
}

const NOTHING: Filter = { has_id: [] }
const EVERYTHING: Filter = { must_not: [NOTHING] }
/** `match.text` is not used, because versions of Qdrant differ in what it finds without an index. */
const UNKNOWN: Translation = { necessary: EVERYTHING, sufficient: NOTHING, isExact: false }

export function translate(condition: Condition): Translation {
  if ('all' in condition) {
    return combine(condition.all, (filters) => (filters.length > 0 ? { must: filters } : EVERYTHING))
  }
  if ('any' in condition) {
    return combine(condition.any, (filters) => (filters.length > 0 ? { should: filters } : NOTHING))
  }
  if ('not' in condition) {
    const { necessary, sufficient, isExact } = translate(condition.not)
    return { necessary: { must_not: [sufficient] }, sufficient: { must_not: [necessary] }, isExact }
  }
  const field = fieldOf(condition.path)
  const test = field === undefined ? undefined : testOf(condition, field)
  if (!test) return UNKNOWN
  const isPartial = { key: 'partial', match: { value: String(condition.path[0]) } }
  // A list that contains a text, or a string with it, has at least this field.
  const isExact = !('contains' in condition)
  return { necessary: { should: [test, isPartial] }, sufficient: isExact ? test : NOTHING, isExact }
}

function combine(conditions: readonly Condition[], join: (filters: Filter[]) => Filter): Translation {
  const all = conditions.map(translate)
  return {
    necessary: join(all.map(({ necessary }) => necessary)),
    sufficient: join(all.map(({ sufficient }) => sufficient)),
    isExact: all.every(({ isExact }) => isExact),
  }
}

type Test = Exclude<Condition, { all: unknown } | { any: unknown } | { not: unknown }>

function testOf(test: Test, field: string): Filter | undefined {
  const key = `fields."${field}"`
  if ('equals' in test) return oneOf(key, test.equals)
  if ('range' in test) {
    const bounds = Object.entries(test.range).filter(([, bound]) => bound !== undefined)
    // Strings are in another order in Qdrant, or in none.
    const isNumeric = bounds.length > 0 && bounds.every(([, bound]) => Number.isFinite(bound))
    if (isNumeric) return { key, range: Object.fromEntries(bounds) as Record<string, number> }
    return undefined
  }
  if ('contains' in test && typeof test.contains !== 'string') return oneOf(key, [test.contains])
  return { key: 'present', match: { value: field } }
}

function oneOf(key: string, values: readonly (string | number | boolean)[]): Filter {
  const texts = values.filter((value) => typeof value === 'string' && value.isWellFormed()) as string[]
  const tests: Filter[] = texts.length === 0 ? [] : [{ key, match: { any: texts } }]
  for (const value of values) {
    // A range, because Qdrant matches integers only.
    if (Number.isFinite(value)) tests.push({ key, range: { gte: value as number, lte: value as number } })
    if (typeof value === 'boolean') tests.push({ key, match: { value } })
  }
  return tests.length === 0 ? NOTHING : { should: tests }
}
