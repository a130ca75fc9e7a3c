import type { Condition, Json, Path } from '../../sidecar/ports/records.ts'

/** Conditions by their definition in the port: lists every value at a path, and then tests the list. */
export function naivelyMeets(payload: Json, condition: Condition): boolean {
  if ('all' in condition) return !condition.all.some((one) => !naivelyMeets(payload, one))
  if ('any' in condition) return condition.any.filter((one) => naivelyMeets(payload, one)).length > 0
  if ('not' in condition) return !naivelyMeets(payload, condition.not)
  const found = valuesAt([payload], condition.path)
  if ('exists' in condition) return found.some((value) => value !== null)
  if ('contains' in condition) {
    return found.some((value) => {
      if (Array.isArray(value)) return value.some((element) => element === condition.contains)
      return typeof value === 'string' && typeof condition.contains === 'string'
        ? value.split(condition.contains).length > 1 || condition.contains === ''
        : false
    })
  }
  const elements = found.flat()
  if ('equals' in condition) return elements.some((value) => condition.equals.includes(value as never))
  const { gt, gte, lt, lte } = condition.range
  return elements.some((value) => {
    if (typeof value !== 'number' && typeof value !== 'string') return false
    if ([gt, gte, lt, lte].some((bound) => bound !== undefined && typeof bound !== typeof value)) return false
    return (
      !(gt !== undefined && value <= gt) &&
      !(gte !== undefined && value < gte) &&
      !(lt !== undefined && value >= lt) &&
      !(lte !== undefined && value > lte)
    )
  })
}

function valuesAt(values: readonly Json[], [key, ...rest]: Path): readonly Json[] {
  if (key === undefined) return values
  const next = values.flatMap((value): Json[] => {
    if (typeof key === 'number') return Array.isArray(value) && key in value ? [value[key]] : []
    return flat(value).flatMap((one) => {
      const isObject = typeof one === 'object' && one !== null
      return isObject ? Object.entries(one).flatMap(([name, inner]) => (name === key ? [inner] : [])) : []
    })
  })
  return valuesAt(next, rest)
}

function flat(value: Json): Json[] {
  return Array.isArray(value) ? value.flatMap(flat) : [value]
}
