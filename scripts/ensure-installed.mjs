// Installs the dependencies when they are missing or older than package-lock.json, so that `npm start` and
// `npm test` work on a fresh clone. Plain JavaScript on purpose: it runs on the host's Node, before ours is there.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
/** npm writes this file last, so its time tells when the tree was completed. */
const marker = `${root}node_modules/.package-lock.json`
const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0)

const complete = existsSync(`${root}node_modules/.bin/node`)
if (!complete || modified(marker) < modified(`${root}package-lock.json`)) {
  console.error('hippocache: installing dependencies (npm ci), this is needed once …')
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  // Development dependencies hold Node 24 itself, so they are wanted whatever NODE_ENV says.
  const result = spawnSync(npm, ['ci', '--include=dev', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (result.status !== 0) {
    console.error(`hippocache: npm ci failed (exit code ${result.status ?? result.error?.message}).`)
    process.exit(1)
  }
}
