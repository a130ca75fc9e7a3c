/** The rules of one tool's file. */
import { z } from 'zod'
import { checkOutputSchema } from './output-schema.ts'
import { crossCheckParameter, parameterSchema, type ToolParameter } from './parameters.ts'
import { at, check, isRecord, type Reporter, warnUnknownKeys } from './report.ts'
import { bounded, flag, i18n, matching, text } from './rules.ts'

const toolSchema = z.object({
  identity: z.object(
    {
      author: bounded(1023),
      // Models call a tool by this name; function names have at most 64 characters.
      name: matching(/^[a-z0-9_]{1,64}$/, '1 to 64 of a-z, 0-9 and _'),
      label: i18n(),
      icon: text().exactOptional(),
    },
    { error: 'a mapping with author, name and label' },
  ),
  description: z.object(
    { human: i18n(), llm: text('text for the model').min(1, { error: 'text for the model' }) },
    { error: 'a mapping with human and llm' },
  ),
  parameters: z.array(parameterSchema, { error: 'a list of parameters' }).exactOptional(),
  output_schema: z.record(z.string(), z.unknown(), { error: 'an object schema' }).exactOptional(),
  has_runtime_parameters: flag().exactOptional(),
  extra: z.unknown().exactOptional(),
})

/** Each property is one output variable of the node, beside the built-in `text`, `files` and `json`. */
interface OutputSchema {
  type: 'object'
  properties: Record<string, unknown>
  [keyword: string]: unknown
}

type DeclaredTool = z.infer<typeof toolSchema>
export type ToolDeclaration = Pick<DeclaredTool, 'identity' | 'description' | 'has_runtime_parameters'> & {
  parameters: ToolParameter[]
  output_schema?: OutputSchema
}

/** Reports every problem of a tool's file; returns the tool if there is none. */
export function checkTool(value: unknown, report: Reporter): ToolDeclaration | undefined {
  const tool = check(toolSchema, value, report)
  warnUnknownKeys(toolSchema, value, report)
  const parameters = at(value, ['parameters'])
  if (Array.isArray(parameters)) {
    const names = new Set<unknown>()
    for (const [index, parameter] of parameters.entries()) {
      if (!isRecord(parameter)) continue
      if (typeof parameter['name'] === 'string' && names.has(parameter['name']))
        report.expected(['parameters', index, 'name'], 'a name that no other parameter has')
      names.add(parameter['name'])
      crossCheckParameter(parameter, ['parameters', index], report)
    }
  }
  checkOutputSchema(at(value, ['output_schema']), report)
  if (!tool) return undefined
  const { output_schema, has_runtime_parameters, identity, description } = tool
  return {
    identity,
    description,
    parameters: (tool.parameters ?? []).map(
      (item): ToolParameter => ({ ...item, required: item.required ?? false }),
    ),
    ...(output_schema && { output_schema: output_schema as OutputSchema }),
    ...(has_runtime_parameters !== undefined && { has_runtime_parameters }),
  }
}
