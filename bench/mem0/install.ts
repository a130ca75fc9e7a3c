import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** mem0ai demands these beside itself; without `compromise` it finds entities with expressions only. */
const PEERS = ['better-sqlite3@^12.6.2', 'compromise@^14.0.0']

const INSTALL_DEADLINE_MS = 300_000
const DOWNLOAD_DEADLINE_MS = 60_000

export interface Mem0Package {
  /** Folder with a `node_modules` that holds it. */
  folder: string
  version: string
  /** Where its SQLite comes from. */
  sqlite: 'better-sqlite3' | 'node:sqlite'
}

/**
 * Installs mem0ai into a cache folder outside the project, once per version. No script of a package runs; only the
 * built better-sqlite3 is fetched, and where there is none for this Node, its place is taken by `node:sqlite`.
 * @throws {Error} in words for whoever runs the benchmark when no registry gives the package
 */
export function installMem0(version: string): Mem0Package {
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
  const manifest = join(folder, 'node_modules', 'mem0ai', 'package.json')
  const installed = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  const native = run(process.execPath, ['-e', "new (require('better-sqlite3'))(':memory:')"], folder).ok
  return { folder, version: installed.version, sqlite: native ? 'better-sqlite3' : 'node:sqlite' }
}

function install(folder: string, version: string): void {
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  const wanted = [`mem0ai@${version}`, ...PEERS]
  const flags = ['--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund', '--no-package-lock']
  console.error(`installing ${wanted.join(' ')} outside the project, once`)
  const { ok, printed } = run('npm', ['install', ...flags, ...wanted], folder, INSTALL_DEADLINE_MS)
  if (!ok) {
    throw new Error(
      `This benchmark compares with the npm package mem0ai@${version}, which is no part of the project. Expected ` +
        `npm to install it into ${tmpdir()}/hippocache-bench; run it once where a package registry can be reached. ` +
        `npm said:\n${printed.trim().split('\n').slice(-6).join('\n')}`,
    )
  }
  run(
    process.execPath,
    ['../prebuild-install/bin.js'],
    join(folder, 'node_modules', 'better-sqlite3'),
    DOWNLOAD_DEADLINE_MS,
  )
}

function run(command: string, args: string[], cwd: string, timeout = 10_000) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, timeout, encoding: 'utf8' })
  return { ok: status === 0, printed: `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}` }
}
