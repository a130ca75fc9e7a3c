import type { Condition, Json, Path } from '../../ports/records.ts'

export type Operator =
  | 'eq'
  | 'ne'
  | 'in'
  | 'nin'
  | 'gt'
  | 'gte'
  | 'lt'
  | 'lte'
  | 'contains'
  | 'icontains'
  | 'exists'

/** Fields of a filter that are not a property of the payload with the same name. */
const PATHS: Record<string, Path> = {
  memory: ['text'],
  conversation_id: ['sources', 'conversation_id'],
  turn: ['sources', 'turn'],
  at: ['sources', 0, 'at'],
}

/** Fields with one value per source: none of them is null or absent as a whole. */
const LISTS = new Set(['conversation_id', 'turn'])

const PENDING: Condition = { path: ['kind'], equals: ['pending'] }
const OF_RUN: Condition = { path: ['run_id'], exists: true }
const TIERS = new Map<Json, Condition>([
  ['short', PENDING],
  ['mid', { all: [{ not: PENDING }, OF_RUN] }],
  ['long', { all: [{ not: PENDING }, { not: OF_RUN }] }],
])

/** The condition that a test of one field is for a store; `undefined` if a store cannot apply it. */
export function toCondition(field: string, operator: Operator, operand: Json): Condition | undefined {
  if (operator === 'ne' || operator === 'nin') {
    const same = toCondition(field, operator === 'ne' ? 'eq' : 'in', operand)
    return same && { not: same }
  }
  if (field === 'tier') return tierCondition(operator, operand)
  const path = pathOf(field)
  if (operator === 'exists') {
    if (LISTS.has(field)) return undefined
    return operand === true ? { path, exists: true } : { not: { path, exists: true } }
  }
  // No store ignores case.
  if (operator === 'icontains') return undefined
  if (operator === 'contains') {
    if (typeof operand !== 'string') return undefined
    return LISTS.has(field) ? { path, equals: [operand] } : { path, contains: operand }
  }
  if (operator === 'eq' || operator === 'in') {
    const values = operator === 'eq' ? [operand] : (operand as readonly Json[])
    const present = values.filter((value) => value !== null) as (string | number | boolean)[]
    const equal: Condition = { path, equals: present }
    if (present.length === values.length) return equal
    return LISTS.has(field) ? undefined : { any: [equal, { not: { path, exists: true } }] }
  }
  return { path, range: { [operator]: operand as number | string } }
}

/** The tier is derived from other fields, see `tierOf`. */
function tierCondition(operator: Operator, operand: Json): Condition | undefined {
  if (operator !== 'eq' && operator !== 'in') return undefined
  const tiers = operator === 'eq' ? [operand] : (operand as readonly Json[])
  return { any: tiers.flatMap((tier) => TIERS.get(tier) ?? []) }
}

function pathOf(field: string): Path {
  if (field.startsWith('metadata.')) return ['metadata', field.slice('metadata.'.length)]
  return PATHS[field] ?? [field]
}
