// Installs the dependencies when they are missing or other than package-lock.json says, so that `npm start` and
// `npm test` work on a fresh clone. Plain JavaScript on purpose: it runs on the host's Node, before ours is there.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What stands installed, by npm's own record of it. */
function isInstalled() {
  const record = `${root}node_modules/.package-lock.json`
  if (!existsSync(record) || !existsSync(`${root}node_modules/.bin/node`)) return false
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages
  const wanted = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')).packages
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      // Optional packages are for other platforms; paths outside node_modules are our own workspaces.
      optional || !path.startsWith('node_modules/') || installed[path]?.version === version,
  )
}

if (!isInstalled()) {
  console.error('hippocache: installing dependencies (npm ci), this is needed once …')
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  // Development dependencies hold Node 24 itself, so they are wanted whatever NODE_ENV says.
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
