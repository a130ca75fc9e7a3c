/** The files of a small complete package, and the daemon's checksum written a second time from its description. */
import { createHash } from 'node:crypto'
import type { PackageEntry } from '../../../plugin-sdk/packager/index.ts'
import { acme } from '../declarations/acme-plugin.ts'

export const files: Record<string, string> = {
  ...acme,
  'main.py': 'print("started")\n',
  'requirements.txt': '',
  'README.md': '# Notes\n',
}

export function entriesOf(record: Record<string, string | Uint8Array>): PackageEntry[] {
  return Object.entries(record).map(([path, content]) => ({ path, content: Buffer.from(content) }))
}

export function without(path: string): PackageEntry[] {
  return entriesOf(files).filter((entry) => entry.path !== path)
}

/** hex(sha256(concat over bytewise sorted paths: sha256(path) ‖ sha256(content))) */
export function checksumOf(entries: readonly PackageEntry[]): string {
  const hash = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex')
  const lines = entries.map(({ path, content }) => [
    Buffer.from(path).toString('hex'),
    hash(path) + hash(content),
  ])
  const sorted = lines.sort(([a = ''], [b = '']) => (a < b ? -1 : 1)).map(([, line]) => line)
  return createHash('sha256')
    .update(Buffer.from(sorted.join(''), 'hex'))
    .digest('hex')
}
