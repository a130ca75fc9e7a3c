/**
 * Two parsers read each YAML file: Go's yaml.v3 in the daemon (YAML 1.2 for untyped values) and PyYAML (1.1) in Dify's
 * own tools. A plain scalar that differs between them is an error; quoting fixes it.
 */
import { type Document, parseDocument } from 'yaml'
import { type DeclarationIssue, formatPath, isRecord, type Path, show } from './report.ts'

/** Limits alias expansion, so that a small file cannot expand into a huge value. */
const maxAliasCount = 100

/** The value of the file without null entries, or undefined after reporting the problem. */
export function readYaml(file: string, source: string, errors: DeclarationIssue[]): unknown {
  const [value, problem] = toValue(parse(source, '1.2'))
  if (problem !== undefined) {
    errors.push({ file, path: '', message: `invalid YAML: ${problem}` })
    return undefined
  }
  if (!isRecord(value)) {
    const got = value === null || value === undefined ? 'an empty file' : show(value)
    errors.push({ file, path: '', message: `expected a mapping at the top, got ${got}` })
    return undefined
  }
  const [older] = toValue(parse(source, '1.1'))
  for (const [path, message] of differences(value, older, []))
    errors.push({ file, path: formatPath(path), message })
  return withoutNulls(value)
}

function parse(source: string, version: '1.1' | '1.2'): Document.Parsed {
  return parseDocument(source, { version, merge: true, logLevel: 'silent' })
}

function toValue(document: Document.Parsed): [value: unknown, problem?: string] {
  const problem = document.errors[0] ?? document.warnings[0]
  if (problem) return [undefined, problem.message.split('\n')[0] ?? problem.code]
  try {
    return [document.toJS({ maxAliasCount })]
  } catch (error) {
    return [undefined, (error as Error).message]
  }
}

function* differences(value: unknown, older: unknown, path: Path): Generator<[Path, string]> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries())
      yield* differences(item, Array.isArray(older) ? older[index] : undefined, [...path, index])
  } else if (isRecord(value) && isRecord(older)) {
    for (const [key, item] of Object.entries(value)) {
      if (Object.hasOwn(older, key)) yield* differences(item, older[key], [...path, key])
      else yield [[...path, key], `expected a key that is the same in YAML 1.1 and 1.2, got ${key}: quote it`]
    }
  } else if (!(older instanceof Date && path.at(-1) === 'created_at') && !Object.is(value, older)) {
    // `created_at` may be a plain timestamp; anywhere else it would change the type.
    const both = `${show(value)} in YAML 1.2 and ${show(older)} in YAML 1.1`
    yield [
      path,
      `expected a value that is the same in YAML 1.1 and 1.2, got ${both}: quote it or write it out`,
    ]
  }
}

/** The daemon and the API treat `key:` without a value as absent, except inside a JSON schema. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (!isRecord(value)) return value
  const entries = Object.entries(value).filter(([, item]) => item !== null)
  return Object.fromEntries(
    entries.map(([key, item]) => [key, key === 'output_schema' ? item : withoutNulls(item)]),
  )
}
