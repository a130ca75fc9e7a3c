/**
 * The rules of `output_schema`. The daemon stores any object, but the workflow editor's variable picker and the variable
 * pool silently ignore the parts that they cannot use.
 */
import { isRecord, type Path, type Reporter } from './report.ts'

/** Built-in outputs of every tool node; a variable message with such a name fails the run. */
const reserved = ['text', 'json', 'files']
/** One part of a `{{#node.variable#}}` reference. */
const variableName = /^[A-Za-z_][A-Za-z0-9_]{0,29}$/
const types = ['string', 'number', 'integer', 'boolean', 'object', 'array']
const maxDepth = 32

export function checkOutputSchema(schema: unknown, report: Reporter): void {
  if (!isRecord(schema)) return
  const path: Path = ['output_schema']
  if (schema['type'] !== 'object') report.expected([...path, 'type'], '"object"')
  const properties = schema['properties']
  if (!isRecord(properties)) {
    report.expected([...path, 'properties'], 'a mapping from variable name to schema')
    return
  }
  for (const [name, property] of Object.entries(properties)) {
    const place = [...path, 'properties', name]
    if (reserved.includes(name))
      report.say(place, `expected a name other than ${reserved.join(', ')}, got "${name}"`)
    else if (!variableName.test(name))
      report.say(
        place,
        `expected a name of 1 to 30 letters, digits and _ that does not start with a digit, got "${name}"`,
      )
    for (const [where, expected] of problems(property, place, 0)) report.expected(where, expected)
  }
}

function* problems(schema: unknown, path: Path, depth: number): Generator<[Path, expected: string]> {
  if (!isRecord(schema)) yield [path, 'a schema such as {type: string}']
  else if (depth > maxDepth) yield [path, `a schema of at most ${maxDepth} levels`]
  else if (schema['$ref'] !== undefined) {
    const reference = schema['$ref']
    if (typeof reference !== 'string' || !reference.startsWith('https://dify.ai/schemas/'))
      yield [[...path, '$ref'], 'one of the schemas under https://dify.ai/schemas/ (others are not resolved)']
  } else {
    const keyword = ['oneOf', 'anyOf', 'allOf'].find((name) => schema[name] !== undefined)
    if (keyword === undefined) yield* typeProblems(schema, path, depth)
    else if (!Array.isArray(schema[keyword]) || schema[keyword].length === 0)
      yield [[...path, keyword], 'a list of at least one schema']
    else
      for (const [index, choice] of schema[keyword].entries())
        yield* problems(choice, [...path, keyword, index], depth + 1)
  }
}

function* typeProblems(
  schema: Record<string, unknown>,
  path: Path,
  depth: number,
): Generator<[Path, string]> {
  const declared = Array.isArray(schema['type']) ? schema['type'] : [schema['type']]
  // The picker uses the first type that is not null.
  const type: unknown = declared.find((item) => item !== 'null')
  const { items, properties } = schema
  if (typeof type !== 'string' || !types.includes(type))
    yield [[...path, 'type'], `one of ${types.join(', ')}`]
  else if (type === 'array') yield* problems(items, [...path, 'items'], depth + 1)
  else if (type === 'object' && isRecord(properties))
    for (const [name, property] of Object.entries(properties))
      yield* problems(property, [...path, 'properties', name], depth + 1)
  else if (type === 'object' && properties !== undefined)
    yield [[...path, 'properties'], 'a mapping from name to schema']
}
