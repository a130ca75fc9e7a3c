/** Issues of declarations: the place, the expected value and the actual value. */
import { z } from 'zod'

export interface DeclarationIssue {
  /** Relative to the plugin's root. */
  file: string
  /** Dotted path of the value in the file, e.g. `parameters[2].default`; empty for the file as a whole. */
  path: string
  message: string
}

/** Thrown by `loadPlugin` with the problems of all files. */
export class DeclarationError extends Error {
  override readonly name = 'DeclarationError'
  readonly issues: DeclarationIssue[]

  constructor(issues: DeclarationIssue[]) {
    const count = issues.length === 1 ? '1 problem' : `${issues.length} problems`
    super(
      `${count} in the plugin's declarations:\n${issues.map((issue) => `  ${formatIssue(issue)}`).join('\n')}`,
    )
    this.issues = issues
  }
}

/** `file: path: message` on one line. */
export function formatIssue({ file, path, message }: DeclarationIssue): string {
  return path === '' ? `${file}: ${message}` : `${file}: ${path}: ${message}`
}

export type Path = readonly PropertyKey[]

/** Collects the issues of one file; keeps the first error of each place. */
export interface Reporter {
  file: string
  /** Adds `expected <expected>, got <the value at path>`. */
  expected(path: Path, expected: string): void
  /** Adds any other error. */
  say(path: Path, message: string): void
  warn(path: Path, message: string): void
}

export interface Findings {
  errors: DeclarationIssue[]
  warnings: DeclarationIssue[]
}

export function createReporter(file: string, value: unknown, findings: Findings): Reporter {
  const seen = new Set(findings.errors.filter((issue) => issue.file === file).map((issue) => issue.path))
  const say = (path: Path, message: string) => {
    const place = formatPath(path)
    if (seen.has(place)) return
    seen.add(place)
    findings.errors.push({ file, path: place, message })
  }
  return {
    file,
    say,
    expected: (path, expected) => say(path, `expected ${expected}, got ${show(at(value, path))}`),
    warn: (path, message) => findings.warnings.push({ file, path: formatPath(path), message }),
  }
}

/** Checks a value and returns it parsed, or reports every issue and returns undefined. */
export function check<T extends z.ZodType>(
  schema: T,
  value: unknown,
  report: Reporter,
): z.infer<T> | undefined {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  for (const issue of result.error.issues) report.expected(issue.path, issue.message)
  return undefined
}

/** `parameters[2].options[0].value` */
export function formatPath(path: Path): string {
  let out = ''
  for (const part of path) {
    if (typeof part === 'number') out += `[${part}]`
    else out += out === '' ? String(part) : `.${String(part)}`
  }
  return out
}

export function at(value: unknown, path: Path): unknown {
  let current = value
  for (const part of path) {
    if (typeof current !== 'object' || current === null) return undefined
    current = (current as Record<PropertyKey, unknown>)[part]
  }
  return current
}

/** A value in a message: JSON, cut at 80 characters. */
export function show(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  const shown = JSON.stringify(value) ?? String(value)
  return shown.length > 80 ? `${shown.slice(0, 79)}…` : shown
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Warns about keys that the schema does not list. The daemon and the API ignore them, so a typo would go unnoticed. */
export function warnUnknownKeys(schema: z.ZodType, value: unknown, report: Reporter, path: Path = []): void {
  const inner = unwrap(schema)
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    for (const [index, item] of value.entries())
      warnUnknownKeys(inner.element as z.ZodType, item, report, [...path, index])
  } else if (inner instanceof z.ZodRecord && isRecord(value)) {
    for (const [key, item] of Object.entries(value))
      warnUnknownKeys(inner.valueType as z.ZodType, item, report, [...path, key])
  } else if (inner instanceof z.ZodObject && isRecord(value)) {
    const shape = inner.shape as Record<string, z.ZodType>
    for (const [key, item] of Object.entries(value)) {
      const known = Object.hasOwn(shape, key) ? shape[key] : undefined
      if (known) warnUnknownKeys(known, item, report, [...path, key])
      else report.warn([...path, key], `unknown key; expected one of ${Object.keys(shape).join(', ')}`)
    }
  }
}

function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodExactOptional ? unwrap(schema.unwrap() as z.ZodType) : schema
}
