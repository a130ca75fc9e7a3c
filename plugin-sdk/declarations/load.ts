import type { DeclarationIssue } from './errors.ts'
import { DeclarationError } from './errors.ts'
import type { PluginDeclaration } from './types.ts'

/** What `inspectPlugin` found: a declaration only when there are no errors. */
export interface Inspection {
  declaration?: PluginDeclaration
  errors: DeclarationIssue[]
  /** Not fatal: keys nobody reads (likely typos) and things that Dify accepts but users will not like. */
  warnings: DeclarationIssue[]
  /** The YAML files that were read, relative to the root, with forward slashes. */
  files: string[]
}

/** Reads and checks a plugin's declarations without throwing for what is wrong in them. */
export async function inspectPlugin(_root: string | URL): Promise<Inspection> {
  return { errors: [{ file: 'manifest.yaml', path: '', message: 'not read' }], warnings: [], files: [] }
}

/**
 * Reads `manifest.yaml`, the provider file it names, the tool files the provider names, and `_assets/`.
 * @throws DeclarationError with every problem of every file.
 */
export async function loadPlugin(root: string | URL): Promise<PluginDeclaration> {
  const { declaration, errors } = await inspectPlugin(root)
  if (!declaration) throw new DeclarationError(errors)
  return declaration
}
