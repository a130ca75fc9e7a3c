/** Makes, signs and checks `.difypkg` files: a zip by the daemon's rules, whose declarations the daemon can load. */
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  formatIssue,
  inspectFiles,
  memoryFiles,
  type PluginDeclaration,
  toWire,
} from '../declarations/index.ts'
import { entryProblems, launchProblems, readEntries, sizeProblem } from './entries.ts'
import { byPath, checksum, uniqueIdentifier } from './identity.ts'
import {
  checkComment,
  readCategory,
  readPrivateKey,
  readPublicKey,
  signComment,
  verificationEntry,
} from './signature.ts'
import {
  type BuiltPackage,
  type PackageEntry,
  PackageError,
  type PackageOptions,
  type PackageReport,
} from './types.ts'
import { readZip, writeZip } from './zip.ts'

export { publicKeyPem } from './signature.ts'
export {
  type AuthorizedCategory,
  type BuiltPackage,
  type PackageEntry,
  PackageError,
  type PackageOptions,
  type PackageReport,
  type SignatureState,
  type SigningOptions,
} from './types.ts'
export { readEntries }

/** The daemon's `MAX_PLUGIN_PACKAGE_SIZE`, applied to the file and to the sum of what is in it. */
export const defaultMaxBytes = 52_428_800
/** A declaration is stored in a column of this size where Dify runs on MySQL. */
const mysqlTextBytes = 65_535

/**
 * Checks the entries as a plugin and as a zip, and makes the package in memory.
 * @param source the files of the package, or a plugin's directory (see `readEntries` for what is taken from it)
 * @throws PackageError with everything that is wrong, or an Error for an unusable key
 */
export async function buildPackage(
  source: readonly PackageEntry[] | string | URL,
  { sign, maxBytes = defaultMaxBytes }: PackageOptions = {},
): Promise<BuiltPackage> {
  const given =
    typeof source === 'string' || source instanceof URL ? await readEntries(directory(source)) : source
  const key = sign && readPrivateKey(sign.privateKey)
  const { declaration, warnings } = await inspect(given, maxBytes)
  const entries = [...given].sort(byPath)
  if (sign) entries.push(verificationEntry(sign.category ?? 'community'))

  const sum = checksum(entries)
  const { author, name, version } = declaration.manifest
  const identifier = uniqueIdentifier({ author, name, version }, sum)
  const tooLarge = sizeProblem(entries, maxBytes)
  if (tooLarge) throw new PackageError([tooLarge])
  if (!identifier)
    throw new PackageError([
      `expected an identifier the daemon accepts, came ${author}/${name}:${version}@${sum}`,
    ])

  const comment = sign && key ? signComment(entries, key, sign.time ?? new Date()) : ''
  const bytes = await writeZip(entries, comment)
  if (bytes.byteLength > maxBytes)
    throw new PackageError([`expected a package of at most ${maxBytes} bytes, came ${bytes.byteLength}`])
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

/**
 * Makes a package and writes it into a folder, which is created where it is missing. The file appears whole or not at
 * all: it is written under another name first.
 */
export async function writePackage(
  source: readonly PackageEntry[] | string | URL,
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

/**
 * Reads a package back: its files, the identity the daemon will give it, and whether its signature holds.
 * @param source the package's bytes, or the path of the file
 * @param options.publicKey PEM; without it a signature stays `unchecked`
 * @throws Error where the zip breaks a rule of the daemon, PackageError where its declarations do
 */
export async function verifyPackage(
  source: Uint8Array | string,
  { publicKey, maxBytes = defaultMaxBytes }: { publicKey?: string; maxBytes?: number } = {},
): Promise<PackageReport> {
  const key = publicKey === undefined ? undefined : readPublicKey(publicKey)
  const bytes = typeof source === 'string' ? await readFile(source) : source
  const { entries, comment } = await readZip(bytes, maxBytes)
  const { declaration, errors } = await inspectFiles(memoryFiles(entries), '')
  if (!declaration) throw new PackageError(errors.map(formatIssue))
  const sum = checksum(entries)
  const identifier = uniqueIdentifier(declaration.manifest, sum)
  if (!identifier)
    throw new PackageError([`expected an identifier the daemon accepts for checksum ${sum}, came none`])
  const category = readCategory(entries)
  return {
    uniqueIdentifier: identifier,
    checksum: sum,
    entries,
    ...checkComment(comment, entries, key),
    ...(category && { category }),
  }
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
    lines.push('README.md: missing, so the plugin page in Dify stays empty')
  const wire = toWire(declaration)
  const stored = Buffer.byteLength(JSON.stringify({ ...wire.manifest, tool: wire.tools[0] }))
  if (stored > mysqlTextBytes)
    lines.push(`the declaration takes ${stored} bytes; a Dify on MySQL stores at most ${mysqlTextBytes}`)
  return { declaration, warnings: lines }
}

function directory(root: string | URL): string {
  return resolve(typeof root === 'string' ? root : fileURLToPath(root))
}
