/** The value at a path of properties; `undefined` where a value on the path is not an object. */
export function member(value: unknown, ...path: readonly string[]): unknown {
  let at = value
  for (const name of path) {
    if (at === null || typeof at !== 'object') return undefined
    at = (at as Record<string, unknown>)[name]
  }
  return at
}
