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

/** Writes the package into a folder, if the declarations and the package are valid. */
export async function packagePlugin(
  out: string,
  { node = 'wheel', ...options }: PackageOptions & { node?: NodeSource } = {},
): Promise<BuiltPackage & { path: string }> {
  const { declaration, errors } = await inspectPlugin(repository)
  if (!declaration) throw new DeclarationError(errors)
  const { code, licences } = await bundlePlugin(repository)
  const made: PackageEntry[] = [
    { path: 'main.py', content: await readFile(`${repository}package/main.py`) },
    { path: 'requirements.txt', content: await readRequirements(node) },
    { path: 'plugin.mjs', content: code },
    { path: 'THIRD_PARTY_LICENSES.txt', content: Buffer.from(licences) },
  ]
  const paths = new Set(made.map(({ path }) => path))
  const taken = (await readEntries(repository)).filter(({ path }) => !paths.has(path))
  const built = await writePackage([...taken, ...made], out, options)
  const missing = REQUIRED_TEXTS.filter((path) => !taken.some((entry) => entry.path === path))
  return { ...built, warnings: [...built.warnings, ...missing.map((path) => `${path}: missing`)] }
}

async function readRequirements(node: NodeSource): Promise<Buffer> {
  const requirements = await readFile(`${repository}package/requirements.txt`, 'utf8')
  if (node === 'wheel') return Buffer.from(requirements)
  const comments = requirements.split('\n').filter((line) => line.startsWith('#') && !line.includes('wheel'))
  return Buffer.from(
    ['# Node.js is provided by the daemon: PLUGIN_NODE_BIN, or node on PATH.', ...comments, ''].join('\n'),
  )
}
