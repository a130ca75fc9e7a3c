import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * mem0ai demands it beside itself, for the entities of a text. It demands better-sqlite3 12 as well, which ends the
 * process on Node 24.19 and later when a statement is collected; the worker puts Node's own SQLite in its place.
 */
const PEER = 'compromise@^14.0.0'

const DEADLINE_MS = 300_000

export interface Mem0Package {
  /** Folder with a `node_modules` that holds it. */
  folder: string
  version: string
}

/**
 * Installs mem0ai into a cache folder outside the project, once per version; no script of a package runs.
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
  const manifest = readFileSync(join(folder, 'node_modules', 'mem0ai', 'package.json'), 'utf8')
  return { folder, version: (JSON.parse(manifest) as { version: string }).version }
}

function install(folder: string, version: string): void {
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  const wanted = [`mem0ai@${version}`, PEER]
  const flags = [
    '--ignore-scripts',
    '--legacy-peer-deps',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
  ]
  console.error(`installing ${wanted.join(' and ')} into ${tmpdir()}/hippocache-bench, once`)
  const { status, stdout, stderr, error } = spawnSync('npm', ['install', ...flags, ...wanted], {
    cwd: folder,
    timeout: DEADLINE_MS,
    encoding: 'utf8',
  })
  if (status === 0) return
  const said = `${error?.message ?? ''}\n${stderr ?? ''}\n${stdout ?? ''}`
    .match(/^(?!npm warn).+$/gm)
    ?.slice(0, 4)
    .join('\n')
  throw new Error(
    `mem0ai@${version} could not be installed. It is no part of this project: the benchmark fetches it once with ` +
      `npm, so run it where a package registry can be reached. npm said:\n${said}`,
  )
}
