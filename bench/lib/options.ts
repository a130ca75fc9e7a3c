import { parseArgs } from 'node:util'

type Value = string | number | boolean
type Widened<V> = V extends number ? number : V extends boolean ? boolean : string

/**
 * Reads `--name value` options and prints the settings in use. The type of a default is the type of its option;
 * numbers must be integers ≥ 1, or ≥ 0 where the default is 0.
 *
 * @throws {Error} naming the option and the value it got
 */
export function readOptions<T extends Record<string, Value>>(defaults: T): { [K in keyof T]: Widened<T[K]> } {
  const { values } = parseArgs({
    options: Object.fromEntries(
      Object.entries(defaults).map(([name, value]) => [
        name,
        { type: typeof value === 'boolean' ? ('boolean' as const) : ('string' as const) },
      ]),
    ),
  })
  const options = Object.fromEntries(
    Object.entries(defaults).map(([name, fallback]) => {
      const given = values[name]
      if (given === undefined) return [name, fallback]
      return [name, typeof fallback === 'number' ? toInteger(name, given, Math.min(1, fallback)) : given]
    }),
  )
  console.log(
    `settings: ${Object.entries(options)
      .map(([name, value]) => `${name}=${value === '' ? '(none)' : value}`)
      .join(' ')}\n`,
  )
  return options as { [K in keyof T]: Widened<T[K]> }
}

/** @throws {Error} when `--data` was not given: the data set is not part of this repository */
export function requireDataFile(path: string): string {
  if (path === '') throw new Error('--data: expected the path of a LoCoMo file, got nothing')
  return path
}

/** @throws {TypeError} naming the option and the value that is not known */
export function parseList<T extends string>(option: string, list: string, known: readonly T[]): T[] {
  return list.split(',').map((name) => {
    const found = known.find((one) => one === name)
    if (!found) throw new TypeError(`${option}: expected values from ${known.join()}, got "${name}"`)
    return found
  })
}

/** @throws {TypeError} naming the option and the value that is no integer ≥ 1 */
export function parseIntegers(option: string, list: string): number[] {
  return list.split(',').map((text) => toInteger(option.replace(/^--/, ''), text, 1))
}

function toInteger(name: string, given: string | boolean, min: number): number {
  const value = Number(given)
  if (Number.isInteger(value) && value >= min && given !== '') return value
  throw new Error(`--${name}: expected an integer ≥ ${min}, got ${given}`)
}
