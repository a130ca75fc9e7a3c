import type { ToolParameter } from './declarations/index.ts'
import { describe, InvalidParameterError } from './errors.ts'

/**
 * Converts each declared parameter to its declared type and fills in defaults, because a workflow sends nothing for an
 * unbound parameter. Undeclared parameters pass unchanged.
 *
 * A parameter is absent if it is missing or null or, except for the textual types and `any`, the empty string, which
 * Dify sends for an unset form field. An absent optional parameter without a default is omitted.
 * Throws `InvalidParameterError`; with `lenient`, a missing required parameter is omitted and an invalid value passes
 * unchanged.
 */
export function fillParameters(
  declared: readonly ToolParameter[],
  given: Record<string, unknown>,
  { lenient = false }: { lenient?: boolean } = {},
): Record<string, unknown> {
  const known = new Set(declared.map((parameter) => parameter.name))
  const entries: [string, unknown][] = Object.entries(given).filter(([name]) => !known.has(name))
  for (const parameter of declared) {
    const value = Object.hasOwn(given, parameter.name) ? given[parameter.name] : undefined
    const filled = isAbsent(parameter, value) ? parameter.default : value
    if (!isAbsent(parameter, filled)) {
      entries.push([parameter.name, coerceParameter(parameter, filled, lenient)])
    } else if (parameter.required && !lenient) {
      throw new InvalidParameterError(`Parameter ${parameter.name} is required, got ${describe(value)}`, {
        args: { parameter: parameter.name },
      })
    }
  }
  // Object.fromEntries defines __proto__ as a plain key.
  return Object.fromEntries(entries)
}

function coerceParameter(parameter: ToolParameter, value: unknown, lenient: boolean): unknown {
  const read = Object.hasOwn(readers, parameter.type) ? readers[parameter.type] : undefined
  const result = read ? read(value, parameter) : { value }
  if ('value' in result) return result.value
  if (lenient) return value
  throw new InvalidParameterError(
    `Parameter ${parameter.name}: expected ${result.expected}, got ${describe(value)}`,
    { args: { parameter: parameter.name, expected: result.expected } },
  )
}

type Read = { value: unknown } | { expected: string }

const TEXTUAL: readonly string[] = ['string', 'secret-input', 'any']
const TRUE: readonly string[] = ['true', 'yes', 'y', 'on', 't', '1']
const FALSE: readonly string[] = ['false', 'no', 'n', 'off', 'f', '0']

const readers: Record<string, (value: unknown, parameter: ToolParameter) => Read> = {
  string: readText,
  'secret-input': readText,
  checkbox: readText,
  select: readChoice,
  'dynamic-select': readChoice,
  number: readNumber,
  boolean: readBoolean,
  array: (value) => readJson(value, Array.isArray, 'an array'),
  object: (value) => readJson(value, isObject, 'an object'),
  'app-selector': (value) => readJson(value, isObject, 'an app selection'),
  'model-selector': (value) => readJson(value, isObject, 'a model selection'),
  file: (value) => {
    const only = Array.isArray(value) && value.length === 1 ? value[0] : value
    return isObject(only) ? { value: only } : { expected: 'one file' }
  },
  files: (value) => {
    const list = isObject(value) ? [value] : value
    return Array.isArray(list) && list.every(isObject) ? { value: list } : { expected: 'a list of files' }
  },
}

function isAbsent(parameter: ToolParameter, value: unknown): boolean {
  if (value === undefined || value === null) return true
  return value === '' && !TEXTUAL.includes(parameter.type)
}

function readText(value: unknown): Read {
  if (typeof value === 'string') return { value }
  if (typeof value === 'number' || typeof value === 'boolean') return { value: String(value) }
  return typeof value === 'object' ? { value: JSON.stringify(value) } : { expected: 'a string' }
}

function readChoice(value: unknown, parameter: ToolParameter): Read {
  const list = parameter.multiple && !Array.isArray(value) ? [value] : value
  const chosen = Array.isArray(list) ? list.map(scalarText) : scalarText(list)
  const allowed = parameter.type === 'select' ? parameter.options?.map((option) => option.value) : undefined
  const fits = (item: unknown) =>
    typeof item === 'string' && (allowed === undefined || allowed.includes(item))
  const valid = parameter.multiple ? Array.isArray(chosen) && chosen.every(fits) : fits(chosen)
  if (valid) return { value: chosen }
  const one = parameter.multiple ? 'a list of' : 'one of'
  return {
    expected: allowed
      ? `${one} ${allowed.join(', ')}`
      : parameter.multiple
        ? 'a list of strings'
        : 'a string',
  }
}

function scalarText(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
}

function readNumber(value: unknown, { min, max }: ToolParameter): Read {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  const fits =
    typeof number === 'number' &&
    Number.isFinite(number) &&
    (typeof min !== 'number' || number >= min) &&
    (typeof max !== 'number' || number <= max)
  if (fits) return { value: number }
  const range = [
    typeof min === 'number' ? `at least ${min}` : '',
    typeof max === 'number' ? `at most ${max}` : '',
  ]
  return { expected: ['a number', range.filter(Boolean).join(' and ')].filter(Boolean).join(' of ') }
}

function readBoolean(value: unknown): Read {
  if (typeof value === 'boolean') return { value }
  const word = String(value).trim().toLowerCase()
  if ((typeof value === 'string' || typeof value === 'number') && TRUE.includes(word)) return { value: true }
  if ((typeof value === 'string' || typeof value === 'number') && FALSE.includes(word))
    return { value: false }
  return { expected: 'true or false' }
}

/** Models and template nodes often send JSON as text. */
function readJson(value: unknown, fits: (value: unknown) => boolean, expected: string): Read {
  let read = value
  if (typeof value === 'string') {
    try {
      read = JSON.parse(value)
    } catch {
      return { expected }
    }
  }
  return fits(read) ? { value: read } : { expected }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
