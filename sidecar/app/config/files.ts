import { readFileSync, statSync } from 'node:fs'
import { extname } from 'node:path'
import { parse } from 'csv-parse/sync'
import { z } from 'zod'
import { EntityDictionary } from '../../memory/graph/dictionary.ts'
import { type AppRules, appRules } from '../../memory/rules/rules.ts'
import { nameKey } from '../../text/relations/names.ts'

const MAX_FILE_BYTES = 8 * 1024 * 1024
const MAX_ENTITIES = 10_000
const MAX_ALIASES = 50
/** Problems of one file that are listed. */
const MAX_PROBLEMS = 5

/**
 * The rules of a JSON file, in the format of `PUT /v1/rules`; absent for an empty path.
 * @throws {Error} naming the file and each wrong field
 */
export function readRulesFile(path: string): AppRules | undefined {
  if (path === '') return undefined
  return check(path, appRules, parseJson(path, readText(path)))
}

const entityName = z
  .string({ error: 'expected a text' })
  .trim()
  .min(2, { error: 'expected at least 2 characters' })
  .max(100, { error: 'expected at most 100 characters' })

const knownEntities = z
  .array(
    z.strictObject({
      name: entityName,
      type: entityName.default('thing'),
      aliases: z
        .array(entityName)
        .max(MAX_ALIASES, { error: `expected at most ${MAX_ALIASES}` })
        .default([]),
    }),
    { error: 'expected a list of entities' },
  )
  .max(MAX_ENTITIES, { error: `expected at most ${MAX_ENTITIES} entities` })
  .superRefine((entities, context) => {
    const owners = new Map<string, string>()
    for (const [i, { name, aliases }] of entities.entries()) {
      for (const one of [name, ...aliases]) {
        const owner = owners.get(nameKey(one)) ?? name
        owners.set(nameKey(one), owner)
        if (owner === name) continue
        const message = `expected each name once, got ${JSON.stringify(one)}, a name of ${JSON.stringify(owner)}`
        context.addIssue({ code: 'custom', path: [i], message })
      }
    }
  })

/**
 * The entities of a JSON file (`[{ "name", "type", "aliases" }]`) or a CSV file with these columns, aliases separated by
 * `;`; absent for an empty path.
 * @throws {Error} naming the file and each wrong field
 */
export function readEntitiesFile(path: string): EntityDictionary | undefined {
  if (path === '') return undefined
  const text = readText(path)
  const entries = extname(path).toLowerCase() === '.csv' ? parseCsv(path, text) : parseJson(path, text)
  return new EntityDictionary(check(path, knownEntities, entries))
}

function readText(path: string): string {
  try {
    const { size } = statSync(path)
    if (size <= MAX_FILE_BYTES) return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`expected a file that can be read, got ${path} (${(error as Error).message})`)
  }
  throw new Error(`expected at most ${MAX_FILE_BYTES} bytes in ${path}`)
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`expected JSON in ${path} (${(error as Error).message})`)
  }
}

function parseCsv(path: string, text: string): unknown {
  try {
    const rows = parse<Record<string, string>>(text, {
      ...{ bom: true, columns: true, skip_empty_lines: true, trim: true },
    })
    return rows.map(({ type, aliases, ...row }) => ({
      ...row,
      ...(type && { type }),
      ...(aliases && { aliases: aliases.split(';').filter((alias) => alias.trim() !== '') }),
    }))
  } catch (error) {
    throw new Error(
      `expected CSV with the columns name, type, aliases in ${path} (${(error as Error).message})`,
    )
  }
}

function check<T extends z.ZodType>(path: string, schema: T, value: unknown): z.output<T> {
  const { data, error } = schema.safeParse(value)
  if (!error) return data as z.output<T>
  const problems = error.issues
    .slice(0, MAX_PROBLEMS)
    .map(({ path: field, message }) => (field.length > 0 ? `${field.join('.')}: ${message}` : message))
  throw new Error(`${path}: ${problems.join('; ')}`)
}
