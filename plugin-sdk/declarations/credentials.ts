/** The rules of one credential of a provider (the daemon's and the API's `ProviderConfig`). */
import { z } from 'zod'
import { isRecord, type Path, type Reporter } from './report.ts'
import { bounded, flag, i18n, oneOf, option, scopeProblem, text } from './rules.ts'

export const credentialSchema = z.object(
  {
    name: bounded(1023),
    type: oneOf([
      'secret-input',
      'text-input',
      'select',
      'boolean',
      'app-selector',
      'model-selector',
      'array[tools]',
    ]),
    label: i18n(),
    required: flag().exactOptional(),
    default: z.unknown().exactOptional(),
    options: z
      .array(option(127), { error: 'a list of options' })
      .max(127, { error: 'at most 127 options' })
      .exactOptional(),
    multiple: flag().exactOptional(),
    scope: text().exactOptional(),
    help: i18n().exactOptional(),
    placeholder: i18n().exactOptional(),
    url: text().exactOptional(),
  },
  { error: 'a mapping with name, type and label' },
)

export type CredentialDeclaration = Omit<z.infer<typeof credentialSchema>, 'required' | 'default'> & {
  required: boolean
  default?: string | number | boolean
}

/** Checks scope, options and default against the type, and that names are unique. */
export function crossCheckCredentials(
  items: unknown[],
  report: Reporter,
  base: (index: number) => Path,
): void {
  const names = new Set<unknown>()
  for (const [index, item] of items.entries()) {
    if (!isRecord(item)) continue
    const path = base(index)
    if (typeof item['name'] === 'string' && names.has(item['name']))
      report.expected([...path, 'name'], 'a name that no other credential has')
    names.add(item['name'])
    const scope = scopeProblem(item['type'], item['scope'], ['model-selector', 'app-selector'])
    if (scope) report.expected([...path, 'scope'], scope)
    if (item['type'] === 'select' && !hasItems(item['options']))
      report.expected([...path, 'options'], 'at least one option for a select')
    const wanted = defaultPhrase(item)
    if (wanted) report.expected([...path, 'default'], wanted)
  }
}

/** The valid option values of a parameter or credential. */
export function optionValues(options: unknown): string[] {
  if (!Array.isArray(options)) return []
  return options.flatMap((item) =>
    isRecord(item) && typeof item['value'] === 'string' ? [item['value']] : [],
  )
}

export function hasItems(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0
}

function defaultPhrase(item: Record<string, unknown>): string | undefined {
  const value = item['default']
  if (value === undefined) return undefined
  if (item['type'] === 'boolean')
    return typeof value === 'boolean' ? undefined : 'true or false for a boolean'
  if (item['type'] === 'select') {
    const values = optionValues(item['options'])
    return typeof value === 'string' && values.includes(value) ? undefined : `one of ${values.join(', ')}`
  }
  if (item['type'] === 'secret-input' || item['type'] === 'text-input')
    return typeof value === 'string' ? undefined : `a string for a ${item['type']}`
  return `no default for a ${String(item['type'])} (the daemon accepts scalars only)`
}
