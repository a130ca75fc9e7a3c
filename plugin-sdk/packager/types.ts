/** What goes into a `.difypkg`, what comes out of making one, and what reading one back says. */
import type { PluginFile } from '../declarations/index.ts'

/** One file of a package; `path` is relative to its root, with forward slashes. */
export type PackageEntry = PluginFile

/** What a signer vouches for; the daemon reads it from the signed `.verification.dify.json`. */
export type AuthorizedCategory = 'langgenius' | 'partner' | 'community'

export interface SigningOptions {
  /** RSA private key as PEM, PKCS#1 or PKCS#8. */
  privateKey: string
  /** @default 'community' */
  category?: AuthorizedCategory
  /** Time of signing, part of the signed data in whole seconds. @default now */
  time?: Date
}

export interface PackageOptions {
  sign?: SigningOptions
  /** Limit on the sum of uncompressed sizes, and on the package itself. @default 52428800, the daemon's default */
  maxBytes?: number
}

export interface BuiltPackage {
  /** The zip file. The same entries, key and time give the same bytes, whatever the time zone. */
  bytes: Uint8Array
  /** `<author>-<name>-<version>.difypkg` */
  filename: string
  /** `author/name:version@checksum`, by which Dify knows this very package. */
  uniqueIdentifier: string
  /** Hex SHA-256 over all paths and contents. */
  checksum: string
  /** In zip order. */
  entries: { path: string; bytes: number }[]
  uncompressedBytes: number
  signed: boolean
  /** Not fatal, one line each. */
  warnings: string[]
}

/** `unchecked`: there is a signature and no key to check it with. */
export type SignatureState = 'none' | 'valid' | 'invalid' | 'unchecked'

export interface PackageReport {
  uniqueIdentifier: string
  checksum: string
  /** In zip order. */
  entries: PackageEntry[]
  signature: SignatureState
  signedAt?: Date
  category?: AuthorizedCategory
}

/** Thrown before anything is written, with everything that is wrong. */
export class PackageError extends Error {
  override readonly name = 'PackageError'
  readonly problems: string[]

  constructor(problems: string[]) {
    super(
      problems.length === 1
        ? problems[0]
        : `${problems.length} problems:\n${problems.map((line) => `  ${line}`).join('\n')}`,
    )
    this.problems = problems
  }
}
