import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadPlugin } from '../../plugin-sdk/declarations/index.ts'
import { verifyPackage } from '../../plugin-sdk/packager/index.ts'

const repository = fileURLToPath(new URL('../../', import.meta.url))

interface Build {
  /** Contents of the output folder. */
  files: string[]
  /** Path of the package, if one was written. */
  path: string
  status: number | null
  stdout: string
  stderr: string
}

let folder: string
/** Two builds with the same options, shared by the tests since a build takes seconds. */
let first: Build
let second: Build
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'package-'))
  first = await build('first')
  second = await build('second')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function build(name: string, ...args: string[]): Promise<Build> {
  const out = join(folder, name)
  await mkdir(out)
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['package/build.ts', '--out', out, ...args],
    { cwd: repository, encoding: 'utf8' },
  )
  const files = await readdir(out)
  return { files, path: join(out, files[0] ?? ''), status, stdout, stderr }
}

describe('npm run package', () => {
  it('writes one package with all files of the plugin, and prints its checksum and the next steps', async () => {
    expect(first.status).toBe(0)
    const { manifest, provider } = await loadPlugin(repository)
    expect(first.files).toEqual([`${manifest.author}-${manifest.name}-${manifest.version}.difypkg`])

    const report = await verifyPackage(first.path)
    const paths = report.entries.map((entry) => entry.path)
    expect(paths).toEqual(
      expect.arrayContaining(['manifest.yaml', 'main.py', 'plugin.mjs', 'requirements.txt']),
    )
    expect(paths).toEqual(expect.arrayContaining(['LICENSE', 'PRIVACY.md', 'THIRD_PARTY_LICENSES.txt']))
    expect(paths.filter((path) => path.startsWith('tools/'))).toHaveLength(provider.tools.length)
    expect(paths.filter((path) => /\.ts$|\.env|node_modules|sidecar/.test(path))).toEqual([])
    expect(report.signature).toBe('none')
    for (const part of [report.checksum, report.uniqueIdentifier, 'FORCE_VERIFYING_SIGNATURE=false'])
      expect(first.stdout).toContain(part)
  })

  it('bundles every dependency except Node modules, and no path of this machine', async () => {
    const { entries } = await verifyPackage(first.path)
    const text = (path: string) =>
      Buffer.from(entries.find((entry) => entry.path === path)?.content ?? []).toString()
    const bundle = text('plugin.mjs')
    const imported = [...bundle.matchAll(/^import .* from ["'](.+)["'];?$/gm)].map(
      ([, module = '']) => module,
    )
    expect(imported.length).toBeGreaterThan(0)
    for (const module of imported) expect(process.getBuiltinModule(module), module).toBeDefined()
    expect(bundle).not.toContain(repository)
    expect(text('THIRD_PARTY_LICENSES.txt')).toMatch(/axios .*\n[\s\S]*zod /)
  })

  it('writes identical bytes in each build', async () => {
    expect((await readFile(second.path)).equals(await readFile(first.path))).toBe(true)
  })

  it('signs the package with --sign', async () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const key = join(folder, 'key.pem')
    await writeFile(key, pair.privateKey.export({ type: 'pkcs1', format: 'pem' }))
    const { stdout, path } = await build('signed', '--sign', key)
    expect(stdout).toContain('THIRD_PARTY_SIGNATURE_VERIFICATION_PUBLIC_KEYS')
    const publicKey = pair.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString()
    expect(await verifyPackage(path, { publicKey })).toMatchObject({
      signature: 'valid',
      category: 'community',
    })
  })

  it.each([
    ['missing-key', ['--sign', '/nowhere/key.pem'], '--sign: expected a readable key file, '],
    ['not-a-key', ['--sign', `${repository}LICENSE`], 'sign.privateKey: expected an RSA private key as PEM'],
    ['unknown-option', ['--colour'], "Unknown option '--colour'"],
  ])('exits with 1 and writes nothing: %s', async (name, args, message) => {
    const { status, stderr, files } = await build(name, ...args)
    expect(status).toBe(1)
    expect(stderr).toContain(message)
    expect(files).toEqual([])
  })
})
