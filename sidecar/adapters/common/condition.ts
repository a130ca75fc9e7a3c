import type { Condition, Json, JsonObject, Path } from '../../ports/records.ts'

/** Whether a payload meets a condition. */
export function meets(payload: Json, condition: Condition): boolean {
  if ('all' in condition) return condition.all.every((one) => meets(payload, one))
  if ('any' in condition) return condition.any.some((one) => meets(payload, one))
  if ('not' in condition) return !meets(payload, condition.not)
  return reaches(payload, condition.path, 0, testOf(condition))
}

type Test = (value: Json) => boolean

function testOf(condition: Extract<Condition, { path: Path }>): Test {
  if ('equals' in condition) {
    const { equals } = condition
    return (value) => someElement(value, (one) => equals.some((expected) => expected === one))
  }
  if ('range' in condition) {
    const { gt, gte, lt, lte } = condition.range
    const isWithin = (value: Json) =>
      (gt === undefined || compare(value, gt) > 0) &&
      (gte === undefined || compare(value, gte) >= 0) &&
      (lt === undefined || compare(value, lt) < 0) &&
      (lte === undefined || compare(value, lte) <= 0)
    return (value) =>
      someElement(value, (one) => (typeof one === 'number' || typeof one === 'string') && isWithin(one))
  }
  if ('contains' in condition) {
    const { contains } = condition
    return (value) =>
      Array.isArray(value)
        ? value.includes(contains)
        : typeof value === 'string' && typeof contains === 'string' && value.includes(contains)
  }
  return (value) => value !== null
}

/** Whether a value at the path, from its part `i` on, passes the test. */
function reaches(value: Json, path: Path, i: number, test: Test): boolean {
  const key = path[i]
  if (key === undefined) return test(value)
  if (typeof key === 'number') {
    const element = Array.isArray(value) ? (value[key] as Json | undefined) : undefined
    return element !== undefined && reaches(element, path, i + 1, test)
  }
  if (Array.isArray(value)) return value.some((element) => reaches(element, path, i, test))
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return false
  return reaches((value as JsonObject)[key] as Json, path, i + 1, test)
}

function someElement(value: Json, test: Test): boolean {
  return Array.isArray(value) ? value.some(test) : test(value)
}

/** Not a number for values of different types, which then fail every bound. */
function compare(value: Json, bound: number | string): number {
  if (typeof value !== typeof bound) return Number.NaN
  if (value === bound) return 0
  return (value as number | string) < bound ? -1 : 1
}
