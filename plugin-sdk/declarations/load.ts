/** Finds and reads a plugin's files; what they have to look like is in `manifest.ts`, `provider.ts` and `tool.ts`. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DeclarationError, type DeclarationIssue } from './errors.ts'
import { checkManifest } from './manifest.ts'
import { checkProvider, toolPaths } from './provider.ts'
import { at, createReporter, type Findings, type Path, type Reporter } from './report.ts'
import { checkTool } from './tool.ts'
import type { PluginDeclaration, ToolDeclaration } from './types.ts'
import { readYaml } from './yaml.ts'

/** What `inspectPlugin` found: a declaration only when there are no errors. */
export interface Inspection {
  declaration?: PluginDeclaration
  errors: DeclarationIssue[]
  /** Not fatal: keys nobody reads (likely typos) and things that Dify accepts but users will not like. */
  warnings: DeclarationIssue[]
  /** The YAML files that were read, relative to the root, with forward slashes. */
  files: string[]
}

/** YAML files are kilobytes; a bigger one is not a declaration. */
const maxYamlBytes = 1024 * 1024
/** The daemon's limit on a whole package, and on all assets sent over TCP. */
const maxAssetBytes = 50 * 1024 * 1024

/**
 * Reads `manifest.yaml`, the provider file it names, the tool files the provider names, and `_assets/`.
 * @throws DeclarationError with every problem of every file.
 */
export async function loadPlugin(root: string | URL): Promise<PluginDeclaration> {
  const { declaration, errors } = await inspectPlugin(root)
  if (!declaration) throw new DeclarationError(errors)
  return declaration
}

/** `loadPlugin` that answers with what it found instead of throwing, warnings included. */
export async function inspectPlugin(root: string | URL): Promise<Inspection> {
  const directory = resolve(typeof root === 'string' ? root : fileURLToPath(root))
  const findings: Findings = { errors: [], warnings: [] }
  const files: string[] = []
  const open = async (file: string, from?: { report: Reporter; path: Path }) => {
    const source = await readSource(directory, file)
    if (typeof source !== 'string') {
      if (from) from.report.say(from.path, source.problem)
      else findings.errors.push({ file, path: '', message: source.problem })
      return undefined
    }
    files.push(file)
    const value = readYaml(file, source, findings.errors)
    return value === undefined ? undefined : { value, report: createReporter(file, value, findings) }
  }

  const assets = await readAssets(directory, findings.errors)
  const icon = (value: unknown, path: Path, report: Reporter) => {
    const name = at(value, path)
    if (typeof name === 'string' && !assets.some((asset) => asset.filename === name))
      report.expected(path, 'the name of a file in _assets/')
  }

  const manifestFile = await open('manifest.yaml')
  if (!manifestFile) return { ...findings, files }
  const manifest = checkManifest(manifestFile.value, manifestFile.report)
  for (const key of ['icon', 'icon_dark']) icon(manifestFile.value, [key], manifestFile.report)
  const privacy = at(manifestFile.value, ['privacy'])
  if (typeof privacy === 'string' && !(await isFile(join(directory, privacy))))
    manifestFile.report.warn(['privacy'], `there is no file ${privacy}`)

  // Over TCP the daemon keeps the first provider, in a package the last: only one is allowed, so it is the first here.
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
    declaration: { manifest, provider: { ...provider, tools }, assets, root: directory },
    ...findings,
    files,
  }
}

async function readSource(root: string, file: string): Promise<string | { problem: string }> {
  const relative = 'a path below the plugin with forward slashes'
  if (
    /\\|^\/|^[A-Za-z]:/.test(file) ||
    file.split('/').some((part) => part === '..' || part === '.' || part === '')
  )
    return { problem: `expected ${relative}, came "${file}"` }
  try {
    const path = join(root, file)
    const { size } = await stat(path)
    if (size > maxYamlBytes)
      return { problem: `expected at most ${maxYamlBytes} bytes of YAML, came ${size} in ${file}` }
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path))
  } catch (error) {
    if (error instanceof TypeError) return { problem: `expected UTF-8 text, came other bytes in ${file}` }
    const code = (error as NodeJS.ErrnoException).code
    return { problem: `expected a readable file ${file}, came ${code === 'ENOENT' ? 'none' : code}` }
  }
}

async function readAssets(root: string, errors: DeclarationIssue[]): Promise<PluginDeclaration['assets']> {
  const directory = join(root, '_assets')
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const assets: PluginDeclaration['assets'] = []
  let total = 0
  for (const path of paths.sort()) {
    total += (await stat(path)).size
    if (total > maxAssetBytes) {
      errors.push({
        file: '_assets',
        path: '',
        message: `expected at most ${maxAssetBytes} bytes in all, came more`,
      })
      return []
    }
    const filename = path
      .slice(directory.length + 1)
      .split(sep)
      .join('/')
    assets.push({ filename, content: await readFile(path) })
  }
  return assets
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}
