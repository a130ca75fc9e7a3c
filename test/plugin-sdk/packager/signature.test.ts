import { createHash, createVerify, generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import yauzl from 'yauzl'
import { buildPackage, publicKeyPem, verifyPackage } from '../../../plugin-sdk/packager/index.ts'
import { writeZip } from '../../../plugin-sdk/packager/zip.ts'
import { checksumOf, entriesOf, files } from './acme-package.ts'

const pem = { type: 'pkcs1', format: 'pem' } as const
const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: pem,
  publicKeyEncoding: pem,
})
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export(pem).toString()
const time = new Date('2026-11-20T12:34:56.789Z')
const seconds = 1_795_178_096
const verificationPath = '.verification.dify.json'

describe('a signed package', () => {
  it('carries a signature that plain RSA verification accepts, by the daemon description', async () => {
    const { bytes, entries, signed } = await buildPackage(entriesOf(files), { sign: { privateKey, time } })
    expect(signed).toBe(true)
    expect(entries.at(-1)?.path).toBe(verificationPath)
    const zip = await yauzl.fromBufferPromise(Buffer.from(bytes), { lazyEntries: true })
    const comment = JSON.parse(zip.comment) as { signature: string; time: number }
    expect(comment.time).toBe(seconds)
    const report = await verifyPackage(bytes)
    const verifier = createVerify('RSA-SHA256')
    for (const { content } of report.entries) verifier.update(createHash('sha256').update(content).digest())
    verifier.update(String(comment.time))
    expect(verifier.verify(publicKey, comment.signature, 'base64')).toBe(true)
  })

  it('is reported as valid, with its category, its time, and the checksum of all its files', async () => {
    const sign = { privateKey, time, category: 'partner' as const }
    const { bytes, checksum } = await buildPackage(entriesOf(files), { sign })
    const report = await verifyPackage(bytes, { publicKey })
    expect(report).toMatchObject({
      signature: 'valid',
      category: 'partner',
      signedAt: new Date(seconds * 1000),
    })
    expect(report.checksum).toBe(checksum)
    expect(checksum).toBe(
      checksumOf([
        ...entriesOf(files),
        ...entriesOf({ [verificationPath]: '{"authorized_category":"partner"}' }),
      ]),
    )
  })

  it('has the same bytes for the same time, and others for another', async () => {
    const build = async (at: Date) =>
      Buffer.from((await buildPackage(entriesOf(files), { sign: { privateKey, time: at } })).bytes)
    const first = await build(time)
    expect(first.equals(await build(time))).toBe(true)
    expect(first.equals(await build(new Date(time.getTime() + 1000)))).toBe(false)
  })

  it('does not verify under another key, and is unchecked without one', async () => {
    const { bytes } = await buildPackage(entriesOf(files), { sign: { privateKey, time } })
    expect((await verifyPackage(bytes, { publicKey: stranger })).signature).toBe('invalid')
    expect((await verifyPackage(bytes)).signature).toBe('unchecked')
  })

  it('does not verify once a byte of a file, the order of files or the time is changed', async () => {
    const { bytes } = await buildPackage(entriesOf(files), { sign: { privateKey, time } })
    const { entries } = await verifyPackage(bytes)
    const { comment } = await yauzl.fromBufferPromise(Buffer.from(bytes), { lazyEntries: true })
    const state = async (list: typeof entries, text: string) =>
      (await verifyPackage(await writeZip(list, text), { publicKey })).signature
    expect(await state(entries, comment)).toBe('valid')

    const flipped = entries.map((entry) => {
      if (entry.path !== 'main.py') return entry
      const content = Uint8Array.from(entry.content)
      content[0] = (content[0] ?? 0) ^ 1
      return { ...entry, content }
    })
    expect(await state(flipped, comment)).toBe('invalid')
    expect(await state([...entries].reverse(), comment)).toBe('invalid')
    expect(await state(entries, comment.replace(String(seconds), String(seconds + 1)))).toBe('invalid')
    expect(await state(entries, comment.replace(/"signature":"..../, '"signature":"AAAA'))).toBe('invalid')
  })

  it.each(['', 'built by hand', '{"signature":""}', '{"time":1}', '[]'])(
    'counts the comment %j as none',
    async (comment) => {
      expect((await verifyPackage(await writeZip(entriesOf(files), comment), { publicKey })).signature).toBe(
        'none',
      )
    },
  )
})

describe('keys', () => {
  it('may be PKCS#8 as well', async () => {
    const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    const pkcs8 = key.export({ type: 'pkcs8', format: 'pem' }).toString()
    const { bytes } = await buildPackage(entriesOf(files), { sign: { privateKey: pkcs8 } })
    expect((await verifyPackage(bytes, { publicKey: publicKeyPem(pkcs8) })).signature).toBe('valid')
  })

  it('are handed out as PKCS#1, which is what the daemon reads', () => {
    expect(publicKeyPem(privateKey)).toBe(publicKey)
    expect(publicKey).toMatch(/^-----BEGIN RSA PUBLIC KEY-----/)
  })

  it('are refused when they are not RSA, without being repeated', async () => {
    const ed25519 = generateKeyPairSync('ed25519')
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString()
    await expect(buildPackage(entriesOf(files), { sign: { privateKey: ed25519 } })).rejects.toThrow(
      'sign.privateKey: expected an RSA private key as PEM, came a key of type ed25519',
    )
    await expect(buildPackage(entriesOf(files), { sign: { privateKey: 'secret' } })).rejects.toThrow(
      'sign.privateKey: expected an RSA private key as PEM, came something that is not one',
    )
  })
})
