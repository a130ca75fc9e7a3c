// Run this after `npm install` if the registry does not carry the packages of every platform. npm then omits them from
// package-lock.json, and `npm ci` rejects the file on other machines. This script adds the missing optional entries,
// derived from their names (…-<os>-<cpu>[-musl]), without an integrity hash.
import { readFileSync, writeFileSync } from 'node:fs'

const path = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(path, 'utf8'))
const { packages } = lock
const added = []

for (const { optionalDependencies = {}, dev, license, engines } of Object.values(packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const key = `node_modules/${name}`
    const platform =
      /-(aix|android|darwin|freebsd|linux|netbsd|openbsd|sunos|win32)-([a-z0-9]+)(-musl)?$/.exec(name)
    if (packages[key] || !platform) continue
    const [, os, cpu, musl] = platform
    packages[key] = {
      version,
      cpu: [cpu],
      ...(dev ? { dev } : {}),
      ...(musl ? { libc: ['musl'] } : {}),
      license,
      optional: true,
      os: [os],
      ...(engines ? { engines } : {}),
    }
    added.push(`${name}@${version}`)
  }
}

lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`)
console.log(added.length > 0 ? `added ${added.join(', ')}` : 'no entries were missing')
