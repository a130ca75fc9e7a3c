import type { PluginDeclaration } from './load.ts'
import type { I18n } from './rules.ts'

/**
 * Declarations as the JSON that the daemon validates during TCP registration: the manifest, and an array with the one
 * provider including its tools. Missing locales get the English text, as in Dify's own SDK.
 */
export function toWire(declaration: PluginDeclaration): { manifest: object; tools: object[] } {
  const { manifest, provider } = declaration
  const created_at = manifest.created_at.toUpperCase()
  return {
    manifest: fillLocales({ ...manifest, created_at }) as object,
    tools: [fillLocales(provider) as object],
  }
}

function fillLocales(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fillLocales)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, item]) => [
    key,
    // The author's own JSON, in which en_US is a property like any other.
    key === 'output_schema' || key === 'input_schema' || key === 'default' ? item : fillLocales(item),
  ])
  const filled = Object.fromEntries(entries) as Record<string, unknown>
  return isI18n(filled)
    ? { zh_Hans: filled.en_US, ja_JP: filled.en_US, pt_BR: filled.en_US, ...filled }
    : filled
}

function isI18n(value: Record<string, unknown>): value is Record<string, unknown> & I18n {
  return typeof value['en_US'] === 'string'
}
