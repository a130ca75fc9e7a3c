import type { PluginFile } from '../declarations/index.ts'

/** One file of a package; `path` is relative to its root, with forward slashes. */
export type PackageEntry = PluginFile

export interface PackageOptions {
  sign?: {
    /** RSA private key as PEM, PKCS#1 or PKCS#8. */
    privateKey: string
    /** Signing time, signed in whole seconds. Default: now. */
    time?: Date
  }
  /** Limit of the uncompressed size and of the package. Default: 52,428,800 bytes, the daemon's default. */
  maxBytes?: number
}

export interface BuiltPackage {
  /** The zip file. The same entries, key and time give the same bytes in every time zone. */
  bytes: Uint8Array
  /** `<author>-<name>-<version>.difypkg` */
  filename: string
  /** `author/name:version@checksum`, Dify's identifier of this package. */
  uniqueIdentifier: string
  /** Hex SHA-256 of all paths and contents. */
  checksum: string
  /** In zip order. */
  entries: { path: string; bytes: number }[]
  uncompressedBytes: number
  signed: boolean
  /** Not fatal, one line each. */
  warnings: string[]
}

/** Thrown with every problem before anything is written. */
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
