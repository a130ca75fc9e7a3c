/** Builds and signs `.difypkg` files: zip files by the daemon's rules, with declarations that the daemon can load. */
import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatIssue, inspectFiles, memoryFiles, type PluginDeclaration } from '../declarations/index.ts'
import { entryProblems, launchProblems, sizeProblem } from './entries.ts'
import { readPrivateKey, signComment, VERIFICATION_ENTRY } from './signature.ts'
import { type BuiltPackage, type PackageEntry, PackageError, type PackageOptions } from './types.ts'
import { byPath, checksum, uniqueIdentifier, writeZip } from './zip.ts'

export { readEntries } from './entries.ts'
export { type BuiltPackage, type PackageEntry, PackageError, type PackageOptions } from './types.ts'

/** The daemon's `MAX_PLUGIN_PACKAGE_SIZE`. It limits the file and the sum of its uncompressed entries. */
const DEFAULT_MAX_BYTES = 52_428_800

/**
 * Checks the entries and builds the package in memory.
 * @throws PackageError with every problem, or an Error for an unusable key
 */
export async function buildPackage(
  source: readonly PackageEntry[],
  { sign, maxBytes = DEFAULT_MAX_BYTES }: PackageOptions = {},
): Promise<BuiltPackage> {
  const key = sign && readPrivateKey(sign.privateKey)
  const { declaration, warnings } = await inspect(source, maxBytes)
  const entries = [...source].sort(byPath)
  if (sign) entries.push(VERIFICATION_ENTRY)

  const sum = checksum(entries)
  const { author, name, version } = declaration.manifest
  const identifier = uniqueIdentifier({ author, name, version }, sum)
  const tooLarge = sizeProblem(entries, maxBytes)
  if (tooLarge) throw new PackageError([tooLarge])
  if (!identifier)
    throw new PackageError([
      `expected an identifier that the daemon accepts, got ${author}/${name}:${version}@${sum}`,
    ])

  const comment = key ? signComment(entries, key, sign?.time ?? new Date()) : ''
  const bytes = await writeZip(entries, comment)
  if (bytes.byteLength > maxBytes)
    throw new PackageError([`expected a package of at most ${maxBytes} bytes, got ${bytes.byteLength}`])
  return {
    bytes,
    filename: `${author}-${name}-${version}.difypkg`,
    uniqueIdentifier: identifier,
    checksum: sum,
    entries: entries.map(({ path, content }) => ({ path, bytes: content.byteLength })),
    uncompressedBytes: entries.reduce((total, { content }) => total + content.byteLength, 0),
    signed: sign !== undefined,
    warnings,
  }
}

/** Builds a package and writes it atomically into the folder `out`, which is created if missing. */
export async function writePackage(
  source: readonly PackageEntry[],
  out: string,
  options: PackageOptions = {},
): Promise<BuiltPackage & { path: string }> {
  const built = await buildPackage(source, options)
  await mkdir(out, { recursive: true })
  const path = join(out, built.filename)
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    await writeFile(temporary, built.bytes, { flag: 'wx' })
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  return { ...built, path }
}

async function inspect(
  entries: readonly PackageEntry[],
  maxBytes: number,
): Promise<{ declaration: PluginDeclaration; warnings: string[] }> {
  const { declaration, errors, warnings } = await inspectFiles(memoryFiles(entries), '')
  const problems = [...errors.map(formatIssue), ...entryProblems(entries, maxBytes)]
  if (declaration) problems.push(...launchProblems(entries, declaration.manifest.meta.runner.entrypoint))
  if (!declaration || problems.length > 0) throw new PackageError(problems)
  const lines = warnings.map(formatIssue)
  if (!entries.some(({ path }) => path === 'README.md'))
    lines.push("README.md: missing; Dify's plugin page will be empty")
  return { declaration, warnings: lines }
}
