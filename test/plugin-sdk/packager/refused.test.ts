import { buffer } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import yazl from 'yazl'
import {
  buildPackage,
  type PackageEntry,
  PackageError,
  verifyPackage,
} from '../../../plugin-sdk/packager/index.ts'
import { entriesOf, files, without } from './acme-package.ts'

const plus = (path: string, content = ''): PackageEntry[] => [
  ...entriesOf(files),
  ...entriesOf({ [path]: content }),
]

const cases: [what: string, entries: PackageEntry[], message: string][] = [
  [
    'a directory',
    plus('data/'),
    'expected a relative path with forward slashes and without .., came "data/"',
  ],
  ['a backslash', plus('a\\b'), 'came "a\\\\b"'],
  ['..', plus('../a'), 'came "../a"'],
  ['.. inside', plus('a/../b'), 'came "a/../b"'],
  ['a leading ./', plus('./a'), 'came "./a"'],
  ['an absolute path', plus('/etc/passwd'), 'came "/etc/passwd"'],
  ['a drive', plus('C:/a'), 'came "C:/a"'],
  ['an empty path', plus(''), 'came ""'],
  ['a control character', plus('a\nb'), 'came "a\\nb"'],
  ['a path twice', plus('main.py'), 'expected each path once, came main.py again'],
  [
    'a file that is also a folder',
    plus('main.py/x'),
    'expected main.py to be a file or a folder, came both (main.py/x)',
  ],
  [
    '.env',
    plus('.env', 'REMOTE_INSTALL_KEY=k'),
    'expected no environment file (it holds the debug key), came .env',
  ],
  [
    '.env.local',
    plus('conf/.env.local'),
    'expected no environment file (it holds the debug key), came conf/.env.local',
  ],
  [
    'a verification file',
    plus('.verification.dify.json'),
    'expected no .verification.dify.json (signing writes it), came one',
  ],
  [
    'no manifest',
    without('manifest.yaml'),
    'manifest.yaml: expected a readable file manifest.yaml, came none',
  ],
  [
    'no tool file',
    without('tools/add.yaml'),
    'provider/notes.yaml: tools[1]: expected a readable file tools/add.yaml, came none',
  ],
  [
    'no icon',
    without('_assets/icon.svg'),
    'manifest.yaml: icon: expected the name of a non-empty file in _assets/, came "icon.svg"',
  ],
  ['no entrypoint', without('main.py'), 'expected main.py (meta.runner.entrypoint is main), came none'],
  ['no requirements', without('requirements.txt'), 'expected requirements.txt or pyproject.toml'],
]

describe('buildPackage refuses', () => {
  it.each(cases)('%s', async (_, entries, message) => {
    const error = await buildPackage(entries).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(PackageError)
    expect((error as PackageError).problems).toContainEqual(expect.stringContaining(message))
  })

  it('more than the limit, naming the largest files', async () => {
    const entries = [...entriesOf(files), { path: 'big.bin', content: new Uint8Array(52_428_800) }]
    await expect(buildPackage(entries)).rejects.toThrow(
      /expected at most 52428800 uncompressed bytes, came 5243\d+; the largest files are big\.bin \(52428800\), /,
    )
  })

  it('nothing that is exactly at the limit', async () => {
    const { uncompressedBytes, bytes } = await buildPackage(entriesOf(files))
    const maxBytes = Math.max(uncompressedBytes, bytes.byteLength)
    await expect(buildPackage(entriesOf(files), { maxBytes })).resolves.toBeDefined()
    await expect(buildPackage(entriesOf(files), { maxBytes: maxBytes - 1 })).rejects.toThrow(/at most/)
  })

  it('everything at once', async () => {
    const entries = [...without('main.py'), ...entriesOf({ 'a\\b': '', '.env': '' })]
    const error = await buildPackage(entries).catch((thrown: unknown) => thrown)
    expect((error as PackageError).problems).toHaveLength(3)
  })
})

describe('verifyPackage refuses', () => {
  async function zipOf(add: (zip: yazl.ZipFile) => void): Promise<Buffer> {
    const zip = new yazl.ZipFile()
    for (const { path, content } of entriesOf(files)) zip.addBuffer(Buffer.from(content), path)
    add(zip)
    zip.end()
    return await buffer(zip.outputStream)
  }

  it('a directory entry', async () => {
    const bytes = await zipOf((zip) => zip.addEmptyDirectory('data'))
    await expect(verifyPackage(bytes)).rejects.toThrow('expected files only, came the directory entry data/')
  })

  it('a duplicate', async () => {
    const bytes = await zipOf((zip) => zip.addBuffer(Buffer.from('x'), 'main.py'))
    await expect(verifyPackage(bytes)).rejects.toThrow('expected each path once, came main.py twice')
  })

  it('a backslash and a way out, however the zip spells them', async () => {
    const swap = (bytes: Buffer, to: string) =>
      Buffer.from(bytes.toString('latin1').replaceAll('aa/bb', to), 'latin1')
    const bytes = await zipOf((zip) => zip.addBuffer(Buffer.from('x'), 'aa/bb'))
    await expect(verifyPackage(swap(bytes, 'aa\\bb'))).rejects.toThrow(/invalid characters in fileName/)
    await expect(verifyPackage(swap(bytes, '../bb'))).rejects.toThrow(/invalid relative path/)
  })

  it('more than the limit before unpacking it', async () => {
    const bytes = await zipOf((zip) => zip.addBuffer(Buffer.alloc(1_000_000), 'bomb'))
    await expect(verifyPackage(bytes, { maxBytes: 100_000 })).rejects.toThrow(
      'expected at most 100000 uncompressed bytes, came more at bomb',
    )
  })

  it('what is no zip, and a package cut short', async () => {
    await expect(verifyPackage(Buffer.from('not a zip'))).rejects.toThrow()
    const { bytes } = await buildPackage(entriesOf(files))
    await expect(verifyPackage(bytes.subarray(0, bytes.length - 30))).rejects.toThrow()
  })
})
