/** The daemon's names for a package: its checksum and its unique identifier. */
import { createHash } from 'node:crypto'
import type { PackageEntry } from './types.ts'

/** The daemon's pattern; the part before the slash is the author. */
const uniqueIdentifierPattern =
  /^(?:([a-z0-9_-]{1,64})\/)?([a-z0-9_-]{1,255}):([0-9]{1,4})(\.[0-9]{1,4}){1,3}(-\w{1,16})?@[a-f0-9]{32,64}$/

/** Hex SHA-256 of sha256(path) ‖ sha256(content) over all entries, in bytewise order of their paths. */
export function checksum(entries: readonly PackageEntry[]): string {
  const total = createHash('sha256')
  for (const { path, content } of [...entries].sort(byPath))
    total.update(sha256(path)).update(sha256(content))
  return total.digest('hex')
}

export function uniqueIdentifier(
  manifest: { author: string; name: string; version: string },
  sum: string,
): string | undefined {
  const identifier = `${manifest.author}/${manifest.name}:${manifest.version}@${sum}`
  return uniqueIdentifierPattern.test(identifier) ? identifier : undefined
}

/** Bytewise order of UTF-8, which differs from JavaScript's order of UTF-16 units beyond U+FFFF. */
export function byPath(a: { path: string }, b: { path: string }): number {
  return Buffer.compare(Buffer.from(a.path), Buffer.from(b.path))
}

export function sha256(data: string | Uint8Array): Buffer {
  return createHash('sha256').update(data).digest()
}
