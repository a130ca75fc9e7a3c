import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { buildPackage } from '../../../../plugin-sdk/packager/index.ts'
import { entriesOf, files } from '../../../helpers/plugin-sdk/packager/acme-package.ts'
import { checksumOf, isSignedBy, readPackage } from '../../../helpers/plugin-sdk/packager/read-package.ts'

const pem = { type: 'pkcs1', format: 'pem' } as const
const newKeys = () =>
  generateKeyPairSync('rsa', { modulusLength: 2048, privateKeyEncoding: pem, publicKeyEncoding: pem })
const { privateKey, publicKey } = newKeys()
const time = new Date('2026-11-20T12:34:56.789Z')
const seconds = 1_795_178_096

const build = (sign: { privateKey: string; time?: Date }) => buildPackage(entriesOf(files), { sign })

describe('a signed package', () => {
  it('has a signature of its contents and its time that plain RSA verification accepts', async () => {
    const built = await build({ privateKey, time })
    expect(built.signed).toBe(true)
    const read = await readPackage(built.bytes)
    expect(JSON.parse(read.comment)).toEqual({ signature: expect.any(String), time: seconds })
    expect(isSignedBy(read, publicKey)).toBe(true)
    expect(isSignedBy(read, newKeys().publicKey)).toBe(false)
    const tampered = read.entries.with(0, { path: 'x', content: Buffer.from('tampered') })
    expect(isSignedBy({ ...read, entries: tampered }, publicKey)).toBe(false)
    const later = read.comment.replace(String(seconds), String(seconds + 1))
    expect(isSignedBy({ ...read, comment: later }, publicKey)).toBe(false)
  })

  it('ends with the verification entry, which its checksum includes', async () => {
    const { bytes, checksum } = await build({ privateKey, time })
    const { entries } = await readPackage(bytes)
    const verification = { '.verification.dify.json': '{"authorized_category":"community"}' }
    expect(entries.at(-1)).toEqual(entriesOf(verification)[0])
    expect(checksum).toBe(checksumOf([...entriesOf(files), ...entriesOf(verification)]))
  })

  it('has the same bytes for the same time only', async () => {
    const bytesAt = async (at: Date) => Buffer.from((await build({ privateKey, time: at })).bytes)
    const first = await bytesAt(time)
    expect(first.equals(await bytesAt(time))).toBe(true)
    expect(first.equals(await bytesAt(new Date(time.getTime() + 1000)))).toBe(false)
  })
})

describe('sign.privateKey', () => {
  it('may be PKCS#8', async () => {
    const keys = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pkcs8 = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const read = await readPackage((await build({ privateKey: pkcs8 })).bytes)
    expect(isSignedBy(read, keys.publicKey.export(pem).toString())).toBe(true)
  })

  it('rejects other keys without repeating them', async () => {
    const pkcs8 = { type: 'pkcs8', format: 'pem' } as const
    const ed25519 = generateKeyPairSync('ed25519').privateKey.export(pkcs8).toString()
    await expect(build({ privateKey: ed25519 })).rejects.toThrow(
      'sign.privateKey: expected an RSA private key as PEM, got a key of type ed25519',
    )
    await expect(build({ privateKey: 'secret' })).rejects.toThrow(
      'sign.privateKey: expected an RSA private key as PEM, got something else',
    )
  })
})
