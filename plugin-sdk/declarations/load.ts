/** Finds and reads a plugin's files; `manifest.ts`, `provider.ts` and `tool.ts` check them. */
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Asset, directoryFiles, isPackagePath, type PluginFiles } from './files.ts'
import { checkManifest, type ManifestDeclaration } from './manifest.ts'
import { checkProvider, type ProviderDeclaration, toolPaths } from './provider.ts'
import {
  at,
  createReporter,
  DeclarationError,
  type DeclarationIssue,
  type Findings,
  type Path,
  type Reporter,
} from './report.ts'
import { checkTool, type ToolDeclaration } from './tool.ts'
import { readYaml } from './yaml.ts'

export interface PluginDeclaration {
  manifest: ManifestDeclaration
  provider: ProviderDeclaration
  /** Every file under `_assets/`. */
  assets: Asset[]
  /** Absolute path of the directory that holds `manifest.yaml`. */
  root: string
}

export interface Inspection {
  /** Only without errors. */
  declaration?: PluginDeclaration
  errors: DeclarationIssue[]
  /** Not fatal: unknown keys, and declarations that Dify accepts although they degrade the plugin. */
  warnings: DeclarationIssue[]
  /** The YAML files that were read, relative to the root, with forward slashes. */
  files: string[]
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

/** Like `loadPlugin`, but returns errors and warnings instead of throwing. */
export async function inspectPlugin(root: string | URL): Promise<Inspection> {
  const directory = resolve(typeof root === 'string' ? root : fileURLToPath(root))
  return await inspectFiles(directoryFiles(directory), directory)
}

/** Like `inspectPlugin`, for files of any source; `root` is only copied into the declaration. */
export async function inspectFiles(source: PluginFiles, root: string): Promise<Inspection> {
  const findings: Findings = { errors: [], warnings: [] }
  const files: string[] = []
  const open = async (file: string, from?: { report: Reporter; path: Path }) => {
    const text = await readSource(source, file)
    if (typeof text !== 'string') {
      if (from) from.report.say(from.path, text.problem)
      else findings.errors.push({ file, path: '', message: text.problem })
      return undefined
    }
    files.push(file)
    const value = readYaml(file, text, findings.errors)
    return value === undefined ? undefined : { value, report: createReporter(file, value, findings) }
  }

  const assets = await readAssets(source, findings.errors)
  const icon = (value: unknown, path: Path, report: Reporter) => {
    const name = at(value, path)
    if (
      typeof name === 'string' &&
      !assets.some((asset) => asset.filename === name && asset.content.byteLength > 0)
    )
      report.expected(path, 'the name of a non-empty file in _assets/')
  }

  const manifestFile = await open('manifest.yaml')
  if (!manifestFile) return { ...findings, files }
  const manifest = checkManifest(manifestFile.value, manifestFile.report)
  for (const key of ['icon', 'icon_dark']) icon(manifestFile.value, [key], manifestFile.report)
  const privacy = at(manifestFile.value, ['privacy'])
  if (typeof privacy === 'string' && !(await exists(source, privacy)))
    manifestFile.report.warn(['privacy'], `there is no file ${privacy}`)

  // Only one provider is allowed: the daemon keeps the first over TCP, and the last of a package.
  const providerPath = at(manifestFile.value, ['plugins', 'tools', 0])
  const from = { report: manifestFile.report, path: ['plugins', 'tools', 0] }
  const providerFile = typeof providerPath === 'string' ? await open(providerPath, from) : undefined
  if (!providerFile) return { ...findings, files }
  const provider = checkProvider(providerFile.value, providerFile.report)
  for (const key of ['icon', 'icon_dark']) icon(providerFile.value, ['identity', key], providerFile.report)

  const tools: ToolDeclaration[] = []
  const owners = new Map<unknown, string>()
  for (const [index, path] of toolPaths(providerFile.value)) {
    const toolFile = await open(path, { report: providerFile.report, path: ['tools', index] })
    if (!toolFile) continue
    const tool = checkTool(toolFile.value, toolFile.report)
    const name = at(toolFile.value, ['identity', 'name'])
    const owner = name === undefined ? undefined : owners.get(name)
    if (owner && owner !== path)
      toolFile.report.expected(['identity', 'name'], `a name other than that of ${owner}`)
    else owners.set(name, path)
    if (tool) tools.push(tool)
  }
  if (findings.errors.length > 0 || !manifest || !provider) return { ...findings, files }
  return {
    declaration: { manifest, provider: { ...provider, tools }, assets, root },
    ...findings,
    files,
  }
}

async function readSource(files: PluginFiles, file: string): Promise<string | { problem: string }> {
  if (!isPackagePath(file))
    return { problem: `expected a path below the plugin with forward slashes, got "${file}"` }
  try {
    const bytes = await files.read(file)
    if (!bytes) return { problem: `expected a readable file ${file}, got none` }
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    if (error instanceof RangeError) return { problem: error.message }
    if (error instanceof TypeError) return { problem: `expected UTF-8 text, got other bytes in ${file}` }
    const { code, message } = error as NodeJS.ErrnoException
    return { problem: `expected a readable file ${file}, got ${code ?? message}` }
  }
}

async function readAssets(files: PluginFiles, errors: DeclarationIssue[]): Promise<Asset[]> {
  try {
    return await files.assets()
  } catch (error) {
    errors.push({ file: '_assets', path: '', message: (error as Error).message })
    return []
  }
}

async function exists(files: PluginFiles, path: string): Promise<boolean> {
  const found = isPackagePath(path) ? await files.read(path).catch(() => undefined) : undefined
  return found !== undefined
}
