import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Peer dependency of mem0ai (entity extraction). Its other peer, better-sqlite3 12, crashes Node 24.19 and later when
 * a statement is garbage-collected; the worker replaces it with node:sqlite.
 */
const PEER = 'compromise@^14.0.0'

const DEADLINE_MS = 300_000
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))

export interface Mem0Package {
  /** Folder whose `node_modules` contains the package. */
  folder: string
  version: string
}

/** The release that the tests' development dependency is locked to. */
export const MEM0_RELEASE = '3.3.1'

/**
 * The development dependency, or another release of mem0ai, which is installed into a cache folder outside the
 * repository, once per version, without running package scripts.
 *
 * @throws {Error} if npm cannot install the package
 */
export function installMem0(version: string): Mem0Package {
  if (versionIn(REPOSITORY) === version) return { folder: REPOSITORY, version }
  const root = join(tmpdir(), 'hippocache-bench')
  const folder = join(root, `mem0ai-${version}`)
  if (!existsSync(folder)) {
    mkdirSync(root, { recursive: true })
    const fresh = mkdtempSync(join(root, 'installing-'))
    try {
      install(fresh, version)
      renameSync(fresh, folder)
    } finally {
      rmSync(fresh, { recursive: true, force: true })
    }
  }
  return { folder, version: versionIn(folder) ?? version }
}

function versionIn(folder: string): string | undefined {
  const path = join(folder, 'node_modules', 'mem0ai', 'package.json')
  if (!existsSync(path)) return undefined
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}

function install(folder: string, version: string): void {
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  const packages = [`mem0ai@${version}`, PEER]
  const flags = [
    '--ignore-scripts',
    '--legacy-peer-deps',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
  ]
  console.error(`installing ${packages.join(' and ')} into ${tmpdir()}/hippocache-bench (once per version)`)
  const { status, stdout, stderr, error } = spawnSync('npm', ['install', ...flags, ...packages], {
    cwd: folder,
    timeout: DEADLINE_MS,
    encoding: 'utf8',
  })
  if (status === 0) return
  const output = `${error?.message ?? ''}\n${stderr ?? ''}\n${stdout ?? ''}`
    .match(/^(?!npm warn).+$/gm)
    ?.slice(0, 4)
    .join('\n')
  throw new Error(
    `mem0ai@${version}: npm install failed. The package is not a dependency of this repository; the benchmark ` +
      `installs it once, so run it on a machine that can reach a package registry. npm printed:\n${output}`,
  )
}
