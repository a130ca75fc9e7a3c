/**
 * The daemon's package signature: RSASSA-PKCS1-v1_5 with SHA-256, stored in the zip's archive comment as
 * `{"signature":"<base64>","time":<unix seconds>}`. The signed data are the SHA-256 of each entry's content in zip
 * order, followed by the time as decimal digits.
 */
import { createPrivateKey, createSign, type KeyObject } from 'node:crypto'
import type { PackageEntry } from './types.ts'
import { sha256 } from './zip.ts'

/** Added by the signer and signed as well. The daemon reads from it which category of plugins the signer vouches for. */
export const VERIFICATION_ENTRY: PackageEntry = {
  path: '.verification.dify.json',
  content: Buffer.from('{"authorized_category":"community"}'),
}

/** The archive comment that signs these entries. */
export function signComment(entries: readonly PackageEntry[], key: KeyObject, time: Date): string {
  const seconds = Math.floor(time.getTime() / 1000)
  const signer = createSign('RSA-SHA256')
  for (const { content } of entries) signer.update(sha256(content))
  return JSON.stringify({ signature: signer.update(String(seconds)).sign(key, 'base64'), time: seconds })
}

/** Throws an Error that names the option, never the key. */
export function readPrivateKey(pem: string): KeyObject {
  const expected = 'sign.privateKey: expected an RSA private key as PEM'
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch (cause) {
    throw new Error(`${expected}, got something else`, { cause })
  }
  if (key.asymmetricKeyType !== 'rsa')
    throw new Error(`${expected}, got a key of type ${key.asymmetricKeyType}`)
  return key
}
