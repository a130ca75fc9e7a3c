/** Stands for every value of a label beyond those that are told apart. */
export const OTHER = 'other'

/** Lets the first `limit` different values through; all that come later are one. */
export function atMost(limit: number): (value: string) => string {
  const known = new Set<string>()
  return (value) => {
    if (known.has(value)) return value
    if (known.size >= limit) return OTHER
    known.add(value)
    return value
  }
}

/** Finds once what belongs to some labels: the library works that out anew each time, and a request should not wait. */
export function remembering<Labels extends string[], T>(
  find: (...labels: Labels) => T,
): (...labels: Labels) => T {
  const known = new Map<string, T>()
  return (...labels) => {
    const key = labels.join(' ')
    const found = known.get(key) ?? find(...labels)
    known.set(key, found)
    return found
  }
}
