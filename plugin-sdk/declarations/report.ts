/** Turns what the checks find into issues that say where, what was expected, and what came. */
import type { z } from 'zod'
import type { DeclarationIssue } from './errors.ts'

export type Path = readonly PropertyKey[]

/** Collects the issues of one file. The first complaint about a place wins: later ones only repeat it. */
export interface Reporter {
  file: string
  /** `expected` is the phrase after that word; what came is looked up in the file's value. */
  expected(path: Path, expected: string): void
  /** For findings that are not "expected this, came that". */
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
    expected: (path, expected) => say(path, `expected ${expected}, came ${show(at(value, path))}`),
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
