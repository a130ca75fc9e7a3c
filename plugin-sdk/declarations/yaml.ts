/**
 * One YAML file is read by two parsers: Go's yaml.v3 in the daemon (YAML 1.2 for untyped values) and PyYAML (1.1) in
 * Dify's own tools. A plain scalar that means two things to them is refused, with the advice to quote it.
 */
import { type Document, parseDocument } from 'yaml'
import type { DeclarationIssue } from './errors.ts'
import { formatPath, isRecord, type Path, show } from './report.ts'

/** Aliases are counted so that a small file cannot unfold into a huge value. */
const maxAliasCount = 100

/** The file's value without null entries, or undefined after reporting why there is none. */
export function readYaml(file: string, source: string, errors: DeclarationIssue[]): unknown {
  const [value, problem] = toValue(parse(source, '1.2'))
  if (problem !== undefined) {
    errors.push({ file, path: '', message: `expected YAML, came ${problem}` })
    return undefined
  }
  if (!isRecord(value)) {
    const came = value === null || value === undefined ? 'an empty file' : show(value)
    errors.push({ file, path: '', message: `expected a mapping at the top, came ${came}` })
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
      else
        yield [
          [...path, key],
          `expected a key that reads the same in YAML 1.1 and 1.2, came ${key}: quote it`,
        ]
    }
  } else if (!(older instanceof Date && path.at(-1) === 'created_at') && !Object.is(value, older)) {
    // A plain timestamp is what `created_at` is for; anywhere else it would arrive as another type.
    const both = `${show(value)} in YAML 1.2 and ${show(older)} in YAML 1.1`
    yield [
      path,
      `expected a value that reads the same in YAML 1.1 and 1.2, came ${both}: quote it or write it out`,
    ]
  }
}

/** `key:` without a value means absent to the daemon and the API alike, except inside a JSON schema. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (!isRecord(value)) return value
  const entries = Object.entries(value).filter(([, item]) => item !== null)
  return Object.fromEntries(
    entries.map(([key, item]) => [key, key === 'output_schema' ? item : withoutNulls(item)]),
  )
}
