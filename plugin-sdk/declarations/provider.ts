/** The rules of the tool provider's file. */
import { z } from 'zod'
import { type CredentialDeclaration, credentialSchema, crossCheckCredentials } from './credentials.ts'
import { at, check, isRecord, type Reporter, warnUnknownKeys } from './report.ts'
import { assetName, bounded, i18n, matching, tags } from './rules.ts'
import type { ToolDeclaration } from './tool.ts'

const providerSchema = z.object({
  identity: z.object(
    {
      author: bounded(1023),
      // The daemon accepts upper case, but the API addresses a tool as author/plugin/provider in lower case only.
      name: matching(/^[a-z0-9_-]+$/, 'a name of a-z, 0-9, _ and -'),
      label: i18n(),
      description: i18n(),
      icon: assetName(),
      icon_dark: assetName().exactOptional(),
      tags: tags().exactOptional(),
    },
    { error: 'a mapping with author, name, label, description and icon' },
  ),
  credentials_for_provider: z
    .record(
      z.string(),
      credentialSchema.omit({ name: true }).extend({ name: bounded(1023).exactOptional() }),
      { error: 'a mapping from name to credential' },
    )
    .exactOptional(),
  credentials_schema: z.array(credentialSchema, { error: 'a list of credentials' }).exactOptional(),
  tools: z
    .array(bounded(1023, 'the path of a tool file'), { error: 'a list of tool files' })
    .min(1, { error: 'at least one tool file' }),
  extra: z.unknown().exactOptional(),
})

export interface ProviderDeclaration {
  identity: z.infer<typeof providerSchema>['identity']
  credentials_schema: CredentialDeclaration[]
  tools: ToolDeclaration[]
}

/** Reports every problem of the provider's file; returns it without its tools if there is none. */
export function checkProvider(
  value: unknown,
  report: Reporter,
): Omit<ProviderDeclaration, 'tools'> | undefined {
  const provider = check(providerSchema, value, report)
  warnUnknownKeys(providerSchema, value, report)
  crossCheck(value, report)
  if (!provider) return undefined
  const named = Object.entries(provider.credentials_for_provider ?? {}).map(([name, item]) => ({
    ...item,
    name,
  }))
  return {
    identity: provider.identity,
    credentials_schema: (provider.credentials_schema ?? named).map(finish),
  }
}

/** The tool files of the provider with their index, also if other parts of the provider are invalid. */
export function toolPaths(value: unknown): [index: number, path: string][] {
  const listed = at(value, ['tools'])
  if (!Array.isArray(listed)) return []
  return [...listed.entries()].filter((entry): entry is [number, string] => typeof entry[1] === 'string')
}

function crossCheck(value: unknown, report: Reporter): void {
  const map = at(value, ['credentials_for_provider'])
  const list = at(value, ['credentials_schema'])
  if (map !== undefined && list !== undefined)
    report.say(
      ['credentials_for_provider'],
      'expected this or credentials_schema, got both: Dify would drop one',
    )
  if (isRecord(map)) {
    const entries = Object.entries(map)
    for (const [name, item] of entries)
      if (isRecord(item) && item['name'] !== undefined && item['name'] !== name)
        report.expected(['credentials_for_provider', name, 'name'], `its key "${name}", or no name`)
    crossCheckCredentials(
      entries.map(([name, item]) => (isRecord(item) ? { ...item, name } : item)),
      report,
      (index) => ['credentials_for_provider', entries[index]?.[0] ?? ''],
    )
  }
  if (Array.isArray(list)) crossCheckCredentials(list, report, (index) => ['credentials_schema', index])
  const seen = new Set<string>()
  for (const [index, path] of toolPaths(value)) {
    if (seen.has(path)) report.expected(['tools', index], 'each tool file once')
    seen.add(path)
  }
}

function finish(credential: z.infer<typeof credentialSchema>): CredentialDeclaration {
  const { default: value, required, ...rest } = credential
  const scalar = value as CredentialDeclaration['default']
  return { ...rest, required: required ?? false, ...(scalar !== undefined && { default: scalar }) }
}
