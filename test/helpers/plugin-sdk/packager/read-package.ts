/** Reads a package without the code under test, as the daemon's documentation describes it. */
import { createHash, createVerify } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import yauzl from 'yauzl'
import type { PackageEntry } from '../../../../plugin-sdk/packager/index.ts'

export interface ReadPackage {
  /** In zip order. */
  entries: PackageEntry[]
  comment: string
  /** The Unix file modes that occur. */
  modes: number[]
}

/** yauzl rejects absolute paths, backslashes and `..`. */
export async function readPackage(source: Uint8Array | string): Promise<ReadPackage> {
  const bytes = typeof source === 'string' ? await readFile(source) : Buffer.from(source)
  const zip = await yauzl.fromBufferPromise(bytes, { lazyEntries: true, strictFileNames: true })
  const entries: PackageEntry[] = []
  const modes = new Set<number>()
  for await (const entry of zip.eachEntry()) {
    entries.push({ path: entry.fileName, content: await buffer(await zip.openReadStreamPromise(entry)) })
    modes.add(entry.externalFileAttributes >>> 16)
  }
  return { entries, comment: zip.comment, modes: [...modes] }
}

const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest()

/** hex(sha256(concat over bytewise sorted paths: sha256(path) ‖ sha256(content))) */
export function checksumOf(entries: readonly PackageEntry[]): string {
  const hex = (path: string) => Buffer.from(path).toString('hex')
  const sorted = [...entries].sort((a, b) => (hex(a.path) < hex(b.path) ? -1 : 1))
  return sha256(
    Buffer.concat(sorted.flatMap(({ path, content }) => [sha256(path), sha256(content)])),
  ).toString('hex')
}

/** Plain RSA verification of the signature in the archive comment. */
export function isSignedBy({ entries, comment }: ReadPackage, publicKey: string): boolean {
  const { signature, time } = JSON.parse(comment) as { signature: string; time: number }
  const verifier = createVerify('RSA-SHA256')
  for (const { content } of entries) verifier.update(sha256(content))
  return verifier.update(String(time)).verify(publicKey, signature, 'base64')
}
