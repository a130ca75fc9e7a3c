/**
 * The daemon's package signature: RSASSA-PKCS1-v1_5 with SHA-256, kept in the zip's archive comment as
 * `{"signature":"<base64>","time":<unix seconds>}`. Signed are the SHA-256 of each entry's content in zip order,
 * followed by the time as decimal digits. (The signer appends `.verification.dify.json`, which is signed as well.)
 */
import { createPrivateKey, createPublicKey, createSign, createVerify, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import { sha256 } from './identity.ts'
import type { AuthorizedCategory, PackageEntry, SignatureState } from './types.ts'

export const verificationPath = '.verification.dify.json'
const verification = z.object({ authorized_category: z.enum(['langgenius', 'partner', 'community']) })
const commentSchema = z.object({ signature: z.base64().min(1), time: z.int().min(0) })

export function verificationEntry(category: AuthorizedCategory): PackageEntry {
  return { path: verificationPath, content: Buffer.from(JSON.stringify({ authorized_category: category })) }
}

export function readCategory(entries: readonly PackageEntry[]): AuthorizedCategory | undefined {
  const entry = entries.find(({ path }) => path === verificationPath)
  return (
    entry &&
    verification.safeParse(parseJson(Buffer.from(entry.content).toString())).data?.authorized_category
  )
}

/** The archive comment that signs these entries. */
export function signComment(entries: readonly PackageEntry[], key: KeyObject, time: Date): string {
  const seconds = Math.floor(time.getTime() / 1000)
  const signature = createSign('RSA-SHA256').update(signedData(entries, seconds)).sign(key, 'base64')
  return JSON.stringify({ signature, time: seconds })
}

/** What the archive comment says about the entries. A comment that is no signature counts as none, as in the daemon. */
export function checkComment(
  comment: string,
  entries: readonly PackageEntry[],
  publicKey: KeyObject | undefined,
): { signature: SignatureState; signedAt?: Date } {
  const parsed = commentSchema.safeParse(parseJson(comment)).data
  if (!parsed) return { signature: 'none' }
  const signedAt = new Date(parsed.time * 1000)
  if (!publicKey) return { signature: 'unchecked', signedAt }
  const verifier = createVerify('RSA-SHA256').update(signedData(entries, parsed.time))
  return { signature: verifier.verify(publicKey, parsed.signature, 'base64') ? 'valid' : 'invalid', signedAt }
}

/** Throws an Error that names the option, never the key. */
export function readPrivateKey(pem: string): KeyObject {
  return rsaKey('sign.privateKey', 'an RSA private key as PEM', () => createPrivateKey(pem))
}

/** Reads a public key, or takes the public half of a private one. */
export function readPublicKey(pem: string): KeyObject {
  return rsaKey('publicKey', 'an RSA public key as PEM', () => createPublicKey(pem))
}

/** PKCS#1 PEM (`RSA PUBLIC KEY`), the form in which the daemon reads third-party keys. */
export function publicKeyPem(privateKey: string): string {
  return createPublicKey(readPrivateKey(privateKey)).export({ type: 'pkcs1', format: 'pem' }).toString()
}

function rsaKey(option: string, expected: string, read: () => KeyObject): KeyObject {
  let key: KeyObject
  try {
    key = read()
  } catch (cause) {
    throw new Error(`${option}: expected ${expected}, came something that is not one`, { cause })
  }
  if (key.asymmetricKeyType !== 'rsa')
    throw new Error(`${option}: expected ${expected}, came a key of type ${key.asymmetricKeyType}`)
  return key
}

function signedData(entries: readonly PackageEntry[], seconds: number): Buffer {
  return Buffer.concat([...entries.map(({ content }) => sha256(content)), Buffer.from(String(seconds))])
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
