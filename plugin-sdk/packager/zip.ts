/** The zip file and the daemon's identifiers of its contents. */
import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import yazl from 'yazl'
import type { PackageEntry } from './types.ts'

/** Local time on purpose: zip stores local clock fields, so this date gives the same bytes in every time zone. */
const FIXED_TIME = new Date(2000, 0, 1)
const REGULAR_FILE_MODE = 0o100644

/** A zip file with the entries in the given order. The comment must be ASCII. */
export async function writeZip(entries: readonly PackageEntry[], comment: string): Promise<Buffer> {
  const zip = new yazl.ZipFile()
  const failed = new Promise<never>((_, reject) => zip.on('error', reject))
  for (const { path, content } of entries)
    zip.addBuffer(Buffer.from(content.buffer, content.byteOffset, content.byteLength), path, {
      mtime: FIXED_TIME,
      forceDosTimestamp: true,
      mode: REGULAR_FILE_MODE,
      compressionLevel: 9,
    })
  zip.end({ comment, forceZip64Format: false })
  return await Promise.race([buffer(zip.outputStream), failed])
}

/** The daemon's pattern; the part before the slash is the author. */
const UNIQUE_IDENTIFIER =
  /^(?:([a-z0-9_-]{1,64})\/)?([a-z0-9_-]{1,255}):([0-9]{1,4})(\.[0-9]{1,4}){1,3}(-\w{1,16})?@[a-f0-9]{32,64}$/

/** Hex SHA-256 of sha256(path) ‖ sha256(content) over all entries, in bytewise order of their paths. */
export function checksum(entries: readonly PackageEntry[]): string {
  const total = createHash('sha256')
  for (const { path, content } of [...entries].sort(byPath))
    total.update(sha256(path)).update(sha256(content))
  return total.digest('hex')
}

/** Undefined when the daemon would reject the identifier. */
export function uniqueIdentifier(
  manifest: { author: string; name: string; version: string },
  sum: string,
): string | undefined {
  const identifier = `${manifest.author}/${manifest.name}:${manifest.version}@${sum}`
  return UNIQUE_IDENTIFIER.test(identifier) ? identifier : undefined
}

/** Bytewise order of UTF-8, which differs from JavaScript's order of UTF-16 units beyond U+FFFF. */
export function byPath(a: { path: string }, b: { path: string }): number {
  return Buffer.compare(Buffer.from(a.path), Buffer.from(b.path))
}

export function sha256(data: string | Uint8Array): Buffer {
  return createHash('sha256').update(data).digest()
}
