import type { PackageEntry } from '../../../../plugin-sdk/packager/index.ts'
import { acme } from '../declarations/acme-plugin.ts'

/** The files of a small complete package. */
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
