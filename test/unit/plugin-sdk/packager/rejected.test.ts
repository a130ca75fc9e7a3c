import { describe, expect, it } from 'vitest'
import { buildPackage, type PackageEntry, PackageError } from '../../../../plugin-sdk/packager/index.ts'
import { entriesOf, files, without } from '../../../helpers/plugin-sdk/packager/acme-package.ts'

const plus = (path: string, content = ''): PackageEntry[] => [
  ...entriesOf(files),
  ...entriesOf({ [path]: content }),
]

const cases: [what: string, entries: PackageEntry[], message: string][] = [
  ['a directory', plus('data/'), 'expected a relative path with forward slashes and without .., got "data/"'],
  ['a backslash', plus('a\\b'), 'got "a\\\\b"'],
  ['..', plus('../a'), 'got "../a"'],
  ['.. inside', plus('a/../b'), 'got "a/../b"'],
  ['a leading ./', plus('./a'), 'got "./a"'],
  ['an absolute path', plus('/etc/passwd'), 'got "/etc/passwd"'],
  ['a drive', plus('C:/a'), 'got "C:/a"'],
  ['an empty path', plus(''), 'got ""'],
  ['a control character', plus('a\nb'), 'got "a\\nb"'],
  ['a path twice', plus('main.py'), 'expected each path once, got main.py twice'],
  [
    'a file that is also a folder',
    plus('main.py/x'),
    'expected main.py to be a file or a folder, got both (main.py/x)',
  ],
  [
    '.env',
    plus('.env', 'REMOTE_INSTALL_KEY=k'),
    'expected no environment file, because it contains the debug key, got .env',
  ],
  [
    '.env.local',
    plus('conf/.env.local'),
    'expected no environment file, because it contains the debug key, got conf/.env.local',
  ],
  [
    'a verification file',
    plus('.verification.dify.json'),
    'expected no .verification.dify.json, because signing adds it',
  ],
  [
    'no manifest',
    without('manifest.yaml'),
    'manifest.yaml: expected a readable file manifest.yaml, got none',
  ],
  [
    'no tool file',
    without('tools/add.yaml'),
    'provider/notes.yaml: tools[1]: expected a readable file tools/add.yaml, got none',
  ],
  [
    'no icon',
    without('_assets/icon.svg'),
    'manifest.yaml: icon: expected the name of a non-empty file in _assets/, got "icon.svg"',
  ],
  ['no entrypoint', without('main.py'), 'expected main.py (meta.runner.entrypoint is main), got none'],
  ['no requirements', without('requirements.txt'), 'expected requirements.txt or pyproject.toml'],
]

describe('buildPackage rejects', () => {
  it.each(cases)('%s', async (_, entries, message) => {
    const error = await buildPackage(entries).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(PackageError)
    expect((error as PackageError).problems).toContainEqual(expect.stringContaining(message))
  })

  it('entries over the size limit, and names the largest files', async () => {
    const entries = [...entriesOf(files), { path: 'big.bin', content: new Uint8Array(52_428_800) }]
    await expect(buildPackage(entries)).rejects.toThrow(
      /expected at most 52428800 uncompressed bytes, got 5243\d+; the largest files are big\.bin \(52428800\), /,
    )
  })

  it('one byte over the limit, but not exactly the limit', async () => {
    const { uncompressedBytes, bytes } = await buildPackage(entriesOf(files))
    const maxBytes = Math.max(uncompressedBytes, bytes.byteLength)
    await expect(buildPackage(entriesOf(files), { maxBytes })).resolves.toBeDefined()
    await expect(buildPackage(entriesOf(files), { maxBytes: maxBytes - 1 })).rejects.toThrow(/at most/)
  })

  it('a package with several problems, and lists all of them', async () => {
    const entries = [...without('main.py'), ...entriesOf({ 'a\\b': '', '.env': '' })]
    const error = await buildPackage(entries).catch((thrown: unknown) => thrown)
    expect((error as PackageError).problems).toHaveLength(3)
  })
})
