/** The rules of one tool parameter (the daemon's and the API's `ToolParameter`). */
import { z } from 'zod'
import { hasItems, optionValues } from './credentials.ts'
import { isRecord, type Path, type Reporter } from './report.ts'
import { bounded, flag, i18n, matching, oneOf, option, scopeProblem, text } from './rules.ts'

/** Types in the daemon's and in the API's enum. `date` and `date-range` are in the daemon's only. */
const PARAMETER_TYPES =
  'string number boolean select secret-input file files app-selector model-selector any dynamic-select array object checkbox'

const number = () => z.number({ error: 'a number' })

export const parameterSchema = z.object(
  {
    // Dify uses the name as a JSON schema property and as a variable key.
    name: matching(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'an identifier of at most 64 characters'),
    label: i18n(),
    human_description: i18n(),
    placeholder: i18n().exactOptional(),
    type: oneOf(PARAMETER_TYPES.split(' ')),
    form: oneOf(['llm', 'form', 'schema']),
    llm_description: text().exactOptional(),
    required: flag().exactOptional(),
    default: z.unknown().exactOptional(),
    min: number().exactOptional(),
    max: number().exactOptional(),
    precision: z
      .int({ error: 'an integer number of digits' })
      .min(0, { error: 'an integer number of digits' })
      .exactOptional(),
    options: z.array(option(1023), { error: 'a list of options' }).exactOptional(),
    multiple: flag().exactOptional(),
    scope: bounded(1024).exactOptional(),
    auto_generate: z
      .object(
        { type: z.literal('prompt_instruction', { error: '"prompt_instruction"' }) },
        { error: 'a mapping with type' },
      )
      .exactOptional(),
    template: z.object({ enabled: flag() }, { error: 'a mapping with enabled' }).exactOptional(),
    input_schema: z.record(z.string(), z.unknown(), { error: 'an object schema' }).exactOptional(),
    show_on: z.array(z.unknown(), { error: 'a list' }).exactOptional(),
  },
  { error: 'a mapping with name, type, form, label and human_description' },
)

export type ToolParameter = Omit<z.infer<typeof parameterSchema>, 'required'> & { required: boolean }

const choosing = ['select', 'dynamic-select', 'checkbox']

/** Checks fields against the parameter's type, and the order of min, default and max. */
export function crossCheckParameter(parameter: Record<string, unknown>, path: Path, report: Reporter): void {
  const { type, options, min, max, multiple } = parameter
  const scope = scopeProblem(type, parameter['scope'], ['model-selector', 'app-selector', 'any'])
  if (scope) report.expected([...path, 'scope'], scope)
  if (type === 'select' && !hasItems(options))
    report.expected([...path, 'options'], 'at least one option for a select')
  if (hasItems(options) && typeof type === 'string' && !choosing.includes(type))
    report.expected([...path, 'options'], `no options for a ${type}`)
  const values = optionValues(options)
  for (const [index, value] of values.entries())
    if (values.indexOf(value) !== index && values.length === (options as unknown[]).length)
      report.expected([...path, 'options', index, 'value'], 'a value that no other option has')
  if (multiple === true && !choosing.includes(String(type)))
    report.expected([...path, 'multiple'], `false for a ${String(type)}`)
  for (const key of ['min', 'max', 'precision'])
    if (parameter[key] !== undefined && type !== 'number')
      report.expected([...path, key], `no ${key} for a ${String(type)}`)
  if (typeof min === 'number' && typeof max === 'number' && min > max)
    report.expected([...path, 'max'], `a number not below min ${min}`)
  if (parameter['form'] === 'llm' && !parameter['llm_description'])
    report.warn([...path, 'llm_description'], 'a parameter with form llm needs a description for the model')
  const wanted = parameter['default'] === undefined ? undefined : defaultPhrase(parameter)
  if (wanted) report.expected([...path, 'default'], wanted)
}

/** The expected default, or undefined if the default is valid. */
function defaultPhrase({ type, default: value, min, max, options, multiple }: Record<string, unknown>) {
  switch (type) {
    case 'string':
    case 'secret-input':
      return typeof value === 'string' ? undefined : `a string for a ${type}`
    case 'number':
      if (typeof value !== 'number' || !Number.isFinite(value)) return 'a number for a number'
      if (typeof min === 'number' && value < min) return `a number not below min ${min}`
      return typeof max === 'number' && value > max ? `a number not above max ${max}` : undefined
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'true or false for a boolean'
    case 'select':
    case 'dynamic-select':
    case 'checkbox': {
      const known = type === 'dynamic-select' ? undefined : optionValues(options)
      const fits = (item: unknown) => typeof item === 'string' && (known?.includes(item) ?? true)
      const one = known && known.length > 0 ? `one of ${known.join(', ')}` : 'a string'
      if (multiple === true)
        return Array.isArray(value) && value.every(fits) ? undefined : `a list, each ${one}`
      return fits(value) || (type === 'checkbox' && !hasItems(options)) ? undefined : one
    }
    case 'array':
      return Array.isArray(value) ? undefined : 'a list for an array'
    case 'object':
      return isRecord(value) ? undefined : 'a mapping for an object'
    case 'file':
    case 'files':
    case 'app-selector':
    case 'model-selector':
      return `no default for a ${type}`
    default:
      return undefined
  }
}
