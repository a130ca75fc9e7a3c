/** Shorter names differ by one letter from names that other programs read. */
const MIN_LENGTH = 6

/** Unknown variables, each with the known one that it resembles: `APIKEYS`, `HIPPOCACHE_PORT`, `REDIS_URI`. */
export function unreadNames(
  names: readonly string[],
  known: readonly string[],
): [name: string, known: string][] {
  const bare = (name: string) =>
    name
      .toUpperCase()
      .replace(/^HIPPOCACHE_/, '')
      .replaceAll('_', '')
  return names
    .filter((name) => !known.includes(name))
    .flatMap((name): [string, string][] => {
      const given = bare(name)
      const meant =
        known.find((one) => bare(one) === given) ??
        known.find((one) => Math.min(given.length, one.length) >= MIN_LENGTH && isNear(given, bare(one)))
      return meant === undefined ? [] : [[name, meant]]
    })
}

/** Whether one letter is missing, added or different, or two adjacent letters are swapped. */
function isNear(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false
  let start = 0
  while (start < a.length && a[start] === b[start]) start += 1
  let end = 0
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end += 1
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)]
  if (left.length <= 1 && right.length <= 1) return true
  return left.length === 2 && right.length === 2 && left[0] === right[1] && left[1] === right[0]
}
