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
