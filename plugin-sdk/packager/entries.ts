/** Which files a package may and must hold, and which of a plugin's directory go into it. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import { inspectPlugin, isPackagePath } from '../declarations/index.ts'
import { byPath } from './identity.ts'
import { verificationPath } from './signature.ts'
import type { PackageEntry } from './types.ts'

/** Taken from the plugin's root where they exist, beside the declared YAML files and the entrypoint. */
const usualFiles = ['README.md', 'PRIVACY.md', 'LICENSE', 'requirements.txt', 'plugin.mjs']
const usualFolders = ['_assets', 'readme']
/** Left out of folders: secrets, what tools leave behind, and what operating systems leave behind. */
const neverTaken = /^(\.env(\..*)?|\.git|\.venv|node_modules|__pycache__|\.DS_Store|Thumbs\.db|.*\.difypkg)$/

/** What is wrong with the entries as files of a zip, one line each. */
export function entryProblems(entries: readonly PackageEntry[], maxBytes: number): string[] {
  const problems: string[] = []
  const paths = new Set<string>()
  for (const { path } of entries) {
    if (!isPackagePath(path))
      problems.push(
        `expected a relative path with forward slashes and without .., came ${JSON.stringify(path)}`,
      )
    else if (paths.has(path)) problems.push(`expected each path once, came ${path} again`)
    else if (path === verificationPath) problems.push(`expected no ${path} (signing writes it), came one`)
    else if (isSecret(path))
      problems.push(`expected no environment file (it holds the debug key), came ${path}`)
    paths.add(path)
  }
  for (const path of paths) {
    const parents = path.split('/').slice(0, -1)
    const clash = parents
      .map((_, index) => parents.slice(0, index + 1).join('/'))
      .find((parent) => paths.has(parent))
    if (clash !== undefined) problems.push(`expected ${clash} to be a file or a folder, came both (${path})`)
  }
  const size = sizeProblem(entries, maxBytes)
  return size ? [...problems, size] : problems
}

/** The daemon sums up uncompressed sizes and refuses the package beyond its limit. */
export function sizeProblem(entries: readonly PackageEntry[], maxBytes: number): string | undefined {
  const total = entries.reduce((sum, { content }) => sum + content.byteLength, 0)
  if (total <= maxBytes) return undefined
  const largest = [...entries].sort((a, b) => b.content.byteLength - a.content.byteLength).slice(0, 5)
  const named = largest.map(({ path, content }) => `${path} (${content.byteLength})`).join(', ')
  return `expected at most ${maxBytes} uncompressed bytes, came ${total}; the largest files are ${named}`
}

/** What the local runtime needs to start the plugin and does not find, one line each. */
export function launchProblems(entries: readonly PackageEntry[], entrypoint: string): string[] {
  const paths = new Set(entries.map(({ path }) => path))
  const module = entrypoint.replaceAll('.', '/')
  const problems: string[] = []
  if (!paths.has('requirements.txt') && !paths.has('pyproject.toml'))
    problems.push('expected requirements.txt or pyproject.toml (the daemon installs from it), came neither')
  if (!paths.has(`${module}.py`) && !paths.has(`${module}/__main__.py`))
    problems.push(`expected ${module}.py (meta.runner.entrypoint is ${entrypoint}), came none`)
  return problems
}

/**
 * The files of a plugin's directory that belong in its package: the declared YAML files, the entrypoint, `_assets/`,
 * `readme/`, the usual texts, and what `include` names (files or folders). A list of what goes in cannot leak what
 * somebody forgot to list.
 */
export async function readEntries(root: string, include: readonly string[] = []): Promise<PackageEntry[]> {
  const { files, declaration } = await inspectPlugin(root)
  const entrypoint = `${declaration?.manifest.meta.runner.entrypoint.replaceAll('.', '/') ?? 'main'}.py`
  const paths = new Set(files)
  for (const path of [...usualFiles, ...usualFolders, entrypoint]) await collect(root, path, paths, false)
  for (const path of include) await collect(root, path, paths, true)
  const entries: PackageEntry[] = []
  for (const path of paths) entries.push({ path, content: await readFile(join(root, path)) })
  return entries.sort(byPath)
}

async function collect(root: string, path: string, into: Set<string>, required: boolean): Promise<void> {
  const found = await stat(join(root, path)).catch(() => undefined)
  if (!found) {
    if (required) throw new Error(`include: expected a file or folder below ${root}, came ${path}`)
    return
  }
  if (!found.isDirectory()) {
    into.add(toPackagePath(relative(root, join(root, path))))
    return
  }
  for (const name of await readdir(join(root, path)))
    if (!neverTaken.test(name)) await collect(root, join(path, name), into, required)
}

function toPackagePath(path: string): string {
  return path.split(sep).join('/')
}

function isSecret(path: string): boolean {
  return /^\.env(\.|$)/.test(basename(path)) && !/\.(example|sample|template)$/.test(path)
}
