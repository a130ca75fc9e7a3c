/** Zip in and out. yazl writes reproducibly once times and modes are fixed; yauzl checks names and sizes as it reads. */
import { buffer } from 'node:stream/consumers'
import yauzl from 'yauzl'
import yazl from 'yazl'
import type { PackageEntry } from './types.ts'

/** Local time on purpose: zip stores local clock fields, and these are the same in every zone. */
const fixedTime = new Date(2000, 0, 1)
const regularFile = 0o100644
const maxEntries = 10_000

/** One zip file with the entries in the given order. The comment is ASCII. */
export async function writeZip(entries: readonly PackageEntry[], comment: string): Promise<Buffer> {
  const zip = new yazl.ZipFile()
  const failed = new Promise<never>((_, reject) => zip.on('error', reject))
  for (const { path, content } of entries)
    zip.addBuffer(Buffer.from(content.buffer, content.byteOffset, content.byteLength), path, {
      mtime: fixedTime,
      forceDosTimestamp: true,
      mode: regularFile,
      compressionLevel: 9,
    })
  zip.end({ comment, forceZip64Format: false })
  return await Promise.race([buffer(zip.outputStream), failed])
}

/**
 * The entries of a zip in their order, and its comment.
 * Refuses directories, backslashes, `..`, duplicates, encryption, and more than `maxBytes` in all.
 */
export async function readZip(
  bytes: Uint8Array,
  maxBytes: number,
): Promise<{ entries: PackageEntry[]; comment: string }> {
  const zip = await yauzl.fromBufferPromise(Buffer.from(bytes), { lazyEntries: true, strictFileNames: true })
  if (zip.entryCount > maxEntries)
    throw new Error(`expected at most ${maxEntries} files in the package, came ${zip.entryCount}`)
  const entries: PackageEntry[] = []
  const seen = new Set<string>()
  let total = 0
  for await (const entry of zip.eachEntry()) {
    const path = entry.fileName
    if (path.endsWith('/')) throw new Error(`expected files only, came the directory entry ${path}`)
    if (seen.has(path)) throw new Error(`expected each path once, came ${path} twice`)
    if (!entry.canDecodeFileData())
      throw new Error(`expected stored or deflated files, came another method for ${path}`)
    seen.add(path)
    total += entry.uncompressedSize
    if (total > maxBytes)
      throw new Error(`expected at most ${maxBytes} uncompressed bytes, came more at ${path}`)
    entries.push({ path, content: await buffer(await zip.openReadStreamPromise(entry)) })
  }
  return { entries, comment: zip.comment }
}
