/** The files that a package may contain, must contain, and takes from a plugin's directory. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import { inspectPlugin, isPackagePath } from '../declarations/index.ts'
import { VERIFICATION_ENTRY } from './signature.ts'
import type { PackageEntry } from './types.ts'
import { byPath } from './zip.ts'

/** Included if they exist, beside the declared YAML files and the entrypoint. */
const USUAL_FILES = ['README.md', 'PRIVACY.md', 'LICENSE', 'requirements.txt', 'plugin.mjs']
const USUAL_FOLDERS = ['_assets', 'readme']
/** Excluded from folders: secrets, tool output and files of operating systems. */
const EXCLUDED = /^(\.env(\..*)?|\.git|\.venv|node_modules|__pycache__|\.DS_Store|Thumbs\.db|.*\.difypkg)$/

/** Problems of the entries as files of a zip, one line each. */
export function entryProblems(entries: readonly PackageEntry[], maxBytes: number): string[] {
  const problems: string[] = []
  const paths = new Set<string>()
  for (const { path } of entries) {
    if (!isPackagePath(path))
      problems.push(
        `expected a relative path with forward slashes and without .., got ${JSON.stringify(path)}`,
      )
    else if (paths.has(path)) problems.push(`expected each path once, got ${path} twice`)
    else if (path === VERIFICATION_ENTRY.path) problems.push(`expected no ${path}, because signing adds it`)
    else if (isSecret(path))
      problems.push(`expected no environment file, because it contains the debug key, got ${path}`)
    paths.add(path)
  }
  for (const path of paths) {
    const parents = path.split('/').slice(0, -1)
    const clash = parents
      .map((_, index) => parents.slice(0, index + 1).join('/'))
      .find((parent) => paths.has(parent))
    if (clash !== undefined) problems.push(`expected ${clash} to be a file or a folder, got both (${path})`)
  }
  const size = sizeProblem(entries, maxBytes)
  return size ? [...problems, size] : problems
}

/** The daemon rejects a package whose uncompressed entries exceed its limit. */
export function sizeProblem(entries: readonly PackageEntry[], maxBytes: number): string | undefined {
  const total = entries.reduce((sum, { content }) => sum + content.byteLength, 0)
  if (total <= maxBytes) return undefined
  const largest = [...entries].sort((a, b) => b.content.byteLength - a.content.byteLength).slice(0, 5)
  const named = largest.map(({ path, content }) => `${path} (${content.byteLength})`).join(', ')
  return `expected at most ${maxBytes} uncompressed bytes, got ${total}; the largest files are ${named}`
}

/** Missing files that the daemon's local runtime needs to start the plugin, one line each. */
export function launchProblems(entries: readonly PackageEntry[], entrypoint: string): string[] {
  const paths = new Set(entries.map(({ path }) => path))
  const module = entrypoint.replaceAll('.', '/')
  const problems: string[] = []
  if (!paths.has('requirements.txt') && !paths.has('pyproject.toml'))
    problems.push('expected requirements.txt or pyproject.toml (the daemon installs from it), got neither')
  if (!paths.has(`${module}.py`) && !paths.has(`${module}/__main__.py`))
    problems.push(`expected ${module}.py (meta.runner.entrypoint is ${entrypoint}), got none`)
  return problems
}

/**
 * The files of a plugin's directory that belong in its package: the declared YAML files, the entrypoint, `_assets/`,
 * `readme/` and the usual files. An allow list cannot leak secrets.
 */
export async function readEntries(root: string): Promise<PackageEntry[]> {
  const { files, declaration } = await inspectPlugin(root)
  const entrypoint = `${declaration?.manifest.meta.runner.entrypoint.replaceAll('.', '/') ?? 'main'}.py`
  const paths = new Set(files)
  for (const path of [...USUAL_FILES, ...USUAL_FOLDERS, entrypoint]) await collect(root, path, paths)
  const entries: PackageEntry[] = []
  for (const path of paths) entries.push({ path, content: await readFile(join(root, path)) })
  return entries.sort(byPath)
}

async function collect(root: string, path: string, into: Set<string>): Promise<void> {
  const found = await stat(join(root, path)).catch(() => undefined)
  if (!found) return
  if (!found.isDirectory()) {
    into.add(toPackagePath(relative(root, join(root, path))))
    return
  }
  for (const name of await readdir(join(root, path)))
    if (!EXCLUDED.test(name)) await collect(root, join(path, name), into)
}

function toPackagePath(path: string): string {
  return path.split(sep).join('/')
}

function isSecret(path: string): boolean {
  return /^\.env(\.|$)/.test(basename(path)) && !/\.(example|sample|template)$/.test(path)
}
