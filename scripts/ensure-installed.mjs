// Runs `npm ci` if node_modules does not match package-lock.json, so that `npm start` and `npm test` work on a fresh
// clone. Plain JavaScript, because it runs on the Node of the host before Node 24 is installed.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Compares npm's record of the installed packages with package-lock.json. */
function isInstalled() {
  const record = `${root}node_modules/.package-lock.json`
  if (!existsSync(record) || !existsSync(`${root}node_modules/.bin/node`)) return false
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages
  const wanted = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')).packages
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      // Optional packages may be for other platforms; paths outside node_modules are workspaces.
      optional || !path.startsWith('node_modules/') || installed[path]?.version === version,
  )
}

if (!isInstalled()) {
  console.error('hippocache: installing dependencies with npm ci (once) …')
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  // Node 24 is a development dependency, so install those even if NODE_ENV is production.
  const result = spawnSync(npm, ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (result.status !== 0) {
    console.error(`hippocache: npm ci failed (exit code ${result.status ?? result.error?.message}).`)
    process.exit(1)
  }
}
