/** Packages this repository's plugin: its declarations and texts, the launcher and the bundle. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { DeclarationError, inspectPlugin } from '../plugin-sdk/declarations/index.ts'
import {
  type BuiltPackage,
  type PackageEntry,
  type PackageOptions,
  readEntries,
  writePackage,
} from '../plugin-sdk/packager/index.ts'
import { bundlePlugin } from './bundle.ts'

const repository = fileURLToPath(new URL('..', import.meta.url))
/** Beside README.md, whose absence the packager reports itself. */
const REQUIRED_TEXTS = ['PRIVACY.md', 'LICENSE']

/**
 * Where the daemon gets Node.js from: `wheel` is a Python package that it downloads at installation; `system` is a Node.js
 * that the operator provides, for a daemon without a package index.
 */
export type NodeSource = 'wheel' | 'system'

interface PluginPackageOptions extends PackageOptions {
  node?: NodeSource
  /** Appended to the version of manifest.yaml. */
  buildVersion?: string
}

/**
 * The time of the build as a post-release number, `-20261130091500`: Dify ignores a package whose version is installed.
 * @param epoch seconds, as in SOURCE_DATE_EPOCH; default: now
 */
export function buildVersion(epoch = process.env['SOURCE_DATE_EPOCH']): string {
  const time = epoch === undefined ? new Date() : new Date(Number(epoch) * 1000)
  if (Number.isNaN(time.getTime()))
    throw new Error(`SOURCE_DATE_EPOCH: expected seconds since 1970, got ${JSON.stringify(epoch)}`)
  return `-${time.toISOString().replace(/\D/g, '').slice(0, 14)}`
}

/** Writes the package into a folder, if the declarations and the package are valid. */
export async function packagePlugin(
  out: string,
  { node = 'wheel', buildVersion = '', ...options }: PluginPackageOptions = {},
): Promise<BuiltPackage & { path: string; version: string }> {
  const { declaration, errors } = await inspectPlugin(repository)
  if (!declaration) throw new DeclarationError(errors)
  const { code, licences } = await bundlePlugin(repository)
  const version = declaration.manifest.version + buildVersion
  const made: PackageEntry[] = [
    { path: 'manifest.yaml', content: await readManifest(version) },
    { path: 'main.py', content: await readFile(`${repository}package/main.py`) },
    { path: 'requirements.txt', content: await readRequirements(node) },
    { path: 'plugin.mjs', content: code },
    { path: 'THIRD_PARTY_LICENSES.txt', content: Buffer.from(licences) },
  ]
  const paths = new Set(made.map(({ path }) => path))
  const taken = (await readEntries(repository)).filter(({ path }) => !paths.has(path))
  const built = await writePackage([...taken, ...made], out, options)
  const missing = REQUIRED_TEXTS.filter((path) => !taken.some((entry) => entry.path === path))
  return { ...built, version, warnings: [...built.warnings, ...missing.map((path) => `${path}: missing`)] }
}

async function readManifest(version: string): Promise<Buffer> {
  const manifest = await readFile(`${repository}manifest.yaml`, 'utf8')
  return Buffer.from(manifest.replace(/^version: .*$/m, `version: ${version}`))
}

async function readRequirements(node: NodeSource): Promise<Buffer> {
  const requirements = await readFile(`${repository}package/requirements.txt`, 'utf8')
  if (node === 'wheel') return Buffer.from(requirements)
  const comments = requirements.split('\n').filter((line) => line.startsWith('#') && !line.includes('wheel'))
  return Buffer.from(
    ['# Node.js is provided by the daemon: PLUGIN_NODE_BIN, or node on PATH.', ...comments, ''].join('\n'),
  )
}
