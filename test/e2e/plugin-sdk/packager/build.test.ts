import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { buildPackage, readEntries, writePackage } from '../../../../plugin-sdk/packager/index.ts'
import { entriesOf, files, without } from '../../../helpers/plugin-sdk/packager/acme-package.ts'
import { checksumOf, readPackage } from '../../../helpers/plugin-sdk/packager/read-package.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'packager-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

describe('a package', () => {
  it('contains exactly the given files, sorted, as regular files of mode 0644', async () => {
    const { bytes, entries } = await buildPackage(entriesOf(files))
    const read = await readPackage(bytes)
    const texts = read.entries.map(({ path, content }) => [path, Buffer.from(content).toString()])
    expect(Object.fromEntries(texts)).toEqual(files)
    expect(read.entries.map(({ path }) => path)).toEqual(Object.keys(files).sort())
    expect(entries.map(({ path }) => path)).toEqual(Object.keys(files).sort())
    expect(read).toMatchObject({ modes: [0o100644], comment: '' })
  })

  it('has the file name, checksum and identifier that the daemon expects', async () => {
    const built = await buildPackage(entriesOf(files))
    const sum = checksumOf(entriesOf(files))
    expect(built).toMatchObject({
      filename: 'acme-notes-0.1.0.difypkg',
      checksum: sum,
      uniqueIdentifier: `acme/notes:0.1.0@${sum}`,
      uncompressedBytes: Object.values(files).join('').length + Buffer.byteLength('ノート') - 'ノート'.length,
      signed: false,
      warnings: [],
    })
  })

  it('has the same bytes for the same files in any order and time zone', async () => {
    const script = join(directory, 'build.mjs')
    const index = new URL('../../../../plugin-sdk/packager/index.ts', import.meta.url)
    await writeFile(
      script,
      `const { buildPackage } = await import(${JSON.stringify(index.href)})
       const entries = ${JSON.stringify(files)}
       const list = Object.entries(entries).map(([path, text]) => ({ path, content: Buffer.from(text) }))
       process.stdout.write((await buildPackage(list)).bytes)`,
    )
    const elsewhere = async (TZ: string) => {
      const options = { env: { TZ }, encoding: 'buffer' as const }
      return (await promisify(execFile)(process.execPath, [script], options)).stdout
    }
    const first = Buffer.from((await buildPackage(entriesOf(files))).bytes)
    expect((await elsewhere('Asia/Tokyo')).equals(first)).toBe(true)
    expect((await elsewhere('America/Los_Angeles')).equals(first)).toBe(true)
    const shuffled = fc.shuffledSubarray(entriesOf(files), { minLength: Object.keys(files).length })
    await fc.assert(
      fc.asyncProperty(shuffled, async (list) => first.equals((await buildPackage(list)).bytes)),
      { numRuns: 20 },
    )
  })

  it('contains any further files unchanged, with the checksum of their bytewise order', async () => {
    const path = fc.stringMatching(/^extra\/[a-zA-Z0-9ｆ😀ñ._-]{0,8}[a-zA-Z0-9ｆ😀]$/u)
    const extras = fc.uniqueArray(fc.record({ path, content: fc.uint8Array({ maxLength: 300 }) }), {
      selector: (entry) => entry.path,
      maxLength: 8,
    })
    await fc.assert(
      fc.asyncProperty(extras, async (more) => {
        const all = [...entriesOf(files), ...more]
        const { bytes, checksum } = await buildPackage(all)
        expect(checksum).toBe(checksumOf(all))
        const text = (list: typeof all) =>
          new Map(list.map((entry) => [entry.path, Buffer.from(entry.content).toString('hex')]))
        expect(text((await readPackage(bytes)).entries)).toEqual(text(all))
      }),
      { numRuns: 40 },
    )
  })

  it('warns about a missing README', async () => {
    const { warnings } = await buildPackage(without('README.md'))
    expect(warnings).toEqual(["README.md: missing; Dify's plugin page will be empty"])
  })
})

describe('writePackage', () => {
  async function writeFiles(more: Record<string, string> = {}): Promise<string> {
    const root = join(directory, 'plugin')
    for (const [path, content] of Object.entries({ ...files, ...more })) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), content)
    }
    return root
  }

  it('packages the files of a directory that readEntries selects, without secrets', async () => {
    const root = await writeFiles({
      '.env': 'REMOTE_INSTALL_KEY=x',
      '_assets/.DS_Store': 'x',
      'node_modules/a/index.js': 'x',
      'notes.txt': 'x',
      'plugin.mjs': 'export {}',
      'readme/README_ja_JP.md': '# ノート',
    })
    const built = await writePackage(await readEntries(root), join(directory, 'out'))
    expect(built.entries.map((entry) => entry.path)).toEqual(
      [...Object.keys(files), 'plugin.mjs', 'readme/README_ja_JP.md'].sort(),
    )
    expect(built.path).toBe(join(directory, 'out', 'acme-notes-0.1.0.difypkg'))
    expect(await readdir(join(directory, 'out'))).toEqual(['acme-notes-0.1.0.difypkg'])
    expect(await readFile(built.path)).toEqual(built.bytes)
    expect(checksumOf((await readPackage(built.path)).entries)).toBe(built.checksum)
  })

  it('replaces an older package of the same version', async () => {
    const out = join(directory, 'out')
    const first = await writePackage(entriesOf(files), out)
    const second = await writePackage(entriesOf({ ...files, 'main.py': 'pass\n' }), out)
    expect(second.path).toBe(first.path)
    expect(checksumOf((await readPackage(second.path)).entries)).toBe(second.checksum)
  })

  it('leaves no file behind when it rejects the package or cannot write', async () => {
    const out = join(directory, 'out')
    await expect(writePackage(entriesOf({ ...files, 'a\\b': '' }), out)).rejects.toThrow('forward slashes')
    await expect(readdir(out)).rejects.toThrow('ENOENT')
    await mkdir(join(out, 'acme-notes-0.1.0.difypkg', 'in the way'), { recursive: true })
    await expect(writePackage(entriesOf(files), out)).rejects.toThrow()
    expect(await readdir(out)).toEqual(['acme-notes-0.1.0.difypkg'])
  })
})
