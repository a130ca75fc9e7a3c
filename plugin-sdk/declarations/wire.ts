import type { PluginDeclaration } from './types.ts'

/** The JSON of TCP registration: the manifest object, and the array with the one provider, tools inlined. */
export function toWire(declaration: PluginDeclaration): { manifest: object; tools: object[] } {
  return { manifest: declaration.manifest, tools: [declaration.provider] }
}
