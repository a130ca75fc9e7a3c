/** Declarations as the JSON that the daemon validates during TCP registration. */
import type { I18n, PluginDeclaration } from './types.ts'

/**
 * The manifest object, and the array with the one provider, tools inlined. Credentials travel as an array with names
 * (a map's keys are lost in JSON), and locales without a text get the English one, as Dify's own SDK does.
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
    // These two are the plugin author's own JSON, where en_US would be a property like any other.
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
