/** Label value for all values beyond the bounded set. */
export const OTHER = 'other'

/** Passes the first `limit` distinct values through and maps all others to `OTHER`. */
export function limitValues(limit: number): (value: string) => string {
  const known = new Set<string>()
  return (value) => {
    if (!known.has(value) && known.size >= limit) return OTHER
    known.add(value)
    return value
  }
}
