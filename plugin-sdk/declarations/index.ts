/** Loads a tool plugin's YAML and checks it by the rules of both the plugin daemon and the Dify API. */

export { isPackagePath, memoryFiles, type PluginFile, type PluginFiles } from './files.ts'
export { type Inspection, inspectFiles, inspectPlugin, loadPlugin } from './load.ts'
export { DeclarationError, type DeclarationIssue, formatIssue } from './report.ts'
export type {
  CredentialDeclaration,
  CredentialType,
  I18n,
  ManifestDeclaration,
  Option,
  OutputSchema,
  ParameterForm,
  Permission,
  PluginDeclaration,
  ProviderDeclaration,
  ToolDeclaration,
  ToolParameter,
} from './types.ts'
export { toWire } from './wire.ts'
