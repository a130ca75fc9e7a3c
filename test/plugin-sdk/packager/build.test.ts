import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import yauzl from 'yauzl'
import { buildPackage, verifyPackage, writePackage } from '../../../plugin-sdk/packager/index.ts'
import { checksumOf, entriesOf, files, without } from './acme-package.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'packager-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

describe('a package', () => {
  it('holds exactly the given files, sorted, as plain files of mode 0644', async () => {
    const { bytes, entries } = await buildPackage(entriesOf(files))
    const zip = await yauzl.fromBufferPromise(Buffer.from(bytes), { lazyEntries: true })
    const read: Record<string, string> = {}
    const modes = new Set<number>()
    for await (const entry of zip.eachEntry()) {
      read[entry.fileName] = (await buffer(await zip.openReadStreamPromise(entry))).toString()
      modes.add(entry.externalFileAttributes >>> 16)
    }
    expect(read).toEqual(files)
    expect(Object.keys(read)).toEqual(Object.keys(files).sort())
    expect([...modes]).toEqual([0o100644])
    expect(entries.map((entry) => entry.path)).toEqual(Object.keys(read))
    expect(zip.comment).toBe('')
  })

  it('is named and identified as the daemon will', async () => {
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
    expect(await verifyPackage(built.bytes)).toMatchObject({
      checksum: sum,
      uniqueIdentifier: built.uniqueIdentifier,
      signature: 'none',
    })
  })

  it('has the same bytes for the same files, in whatever order and time zone', async () => {
    const script = join(directory, 'build.mjs')
    const index = new URL('../../../plugin-sdk/packager/index.ts', import.meta.url)
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

  it('reads back as what went in, for any further files, with the checksum of their bytewise order', async () => {
    const path = fc.stringMatching(/^extra\/[a-zA-Z0-9ｆ😀ñ._-]{0,8}[a-zA-Z0-9ｆ😀]$/u)
    const extras = fc.uniqueArray(fc.record({ path, content: fc.uint8Array({ maxLength: 300 }) }), {
      selector: (entry) => entry.path,
      maxLength: 8,
    })
    await fc.assert(
      fc.asyncProperty(extras, async (more) => {
        const all = [...entriesOf(files), ...more]
        const report = await verifyPackage((await buildPackage(all)).bytes)
        expect(report.checksum).toBe(checksumOf(all))
        const text = (list: typeof all) =>
          new Map(list.map((entry) => [entry.path, Buffer.from(entry.content).toString('hex')]))
        expect(text(report.entries)).toEqual(text(all))
      }),
      { numRuns: 40 },
    )
  })

  it('warns about what installs but is missed later', async () => {
    const large = `identity: {author: acme, name: search, label: {en_US: S}}
description: {human: {en_US: S}, llm: "${'x'.repeat(70_000)}"}\n`
    const entries = without('README.md').filter((entry) => entry.path !== 'tools/search.yaml')
    const { warnings } = await buildPackage([...entries, ...entriesOf({ 'tools/search.yaml': large })])
    expect(warnings).toEqual([
      'README.md: missing, so the plugin page in Dify stays empty',
      expect.stringMatching(/^the declaration takes 7\d{4} bytes; a Dify on MySQL stores at most 65535$/),
    ])
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

  it('takes what belongs in a package from a directory, and no secrets', async () => {
    const root = await writeFiles({
      '.env': 'REMOTE_INSTALL_KEY=x',
      '_assets/.DS_Store': 'x',
      'node_modules/a/index.js': 'x',
      'notes.txt': 'x',
      'plugin.mjs': 'export {}',
      'readme/README_ja_JP.md': '# ノート',
    })
    const built = await writePackage(root, join(directory, 'out'))
    expect(built.entries.map((entry) => entry.path)).toEqual(
      [...Object.keys(files), 'plugin.mjs', 'readme/README_ja_JP.md'].sort(),
    )
    expect(built.path).toBe(join(directory, 'out', 'acme-notes-0.1.0.difypkg'))
    expect(await readdir(join(directory, 'out'))).toEqual(['acme-notes-0.1.0.difypkg'])
    expect(await readFile(built.path)).toEqual(built.bytes)
    expect((await verifyPackage(built.path)).checksum).toBe(built.checksum)
  })

  it('replaces an older package of the same version', async () => {
    const out = join(directory, 'out')
    const first = await writePackage(entriesOf(files), out)
    const second = await writePackage(entriesOf({ ...files, 'main.py': 'pass\n' }), out)
    expect(second.path).toBe(first.path)
    expect((await verifyPackage(second.path)).checksum).toBe(second.checksum)
  })

  it('leaves nothing behind where it refuses or cannot write', async () => {
    const out = join(directory, 'out')
    await expect(writePackage(entriesOf({ ...files, 'a\\b': '' }), out)).rejects.toThrow('forward slashes')
    await expect(readdir(out)).rejects.toThrow('ENOENT')
    await mkdir(join(out, 'acme-notes-0.1.0.difypkg', 'in the way'), { recursive: true })
    await expect(writePackage(entriesOf(files), out)).rejects.toThrow()
    expect(await readdir(out)).toEqual(['acme-notes-0.1.0.difypkg'])
  })
})
