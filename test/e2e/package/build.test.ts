import { spawnSync } from 'node:child_process'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadPlugin } from '../../../plugin-sdk/declarations/index.ts'
import { checksumOf, isSignedBy, readPackage } from '../../helpers/plugin-sdk/packager/read-package.ts'

const repository = fileURLToPath(new URL('../../../', import.meta.url))

let out: string
beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), 'package-'))
})
afterEach(() => rm(out, { recursive: true, force: true }))

function build(...args: string[]) {
  return buildIn(out, ...args)
}

function buildIn(folder: string, ...args: string[]) {
  return run('package/build.ts', '--out', folder, ...args)
}

function run(...args: string[]) {
  const env = { ...process.env, SOURCE_DATE_EPOCH: '1796030100' }
  return spawnSync(process.execPath, args, { cwd: repository, encoding: 'utf8', env })
}

async function writeKey() {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = join(out, 'key.pem')
  await writeFile(key, pair.privateKey.export({ type: 'pkcs1', format: 'pem' }))
  return { key, publicKey: pair.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString() }
}

describe('npm run package', () => {
  describe('without options', () => {
    let folder: string
    let stdout: string
    let name: string
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'package-'))
      stdout = buildIn(folder).stdout
      name = (await readdir(folder))[0] as string
    })
    afterAll(() => rm(folder, { recursive: true, force: true }))

    it('writes one package with every file of the plugin, and prints its identifier and the next steps', async () => {
      const { manifest, provider } = await loadPlugin(repository)
      // Dify ignores a package whose version is installed, so each build has another one.
      const version = `${manifest.version}-20261130091500`
      expect(await readdir(folder)).toEqual([`${manifest.author}-${manifest.name}-${version}.difypkg`])

      const { entries, comment } = await readPackage(join(folder, name))
      const paths = entries.map(({ path }) => path)
      expect(paths).toEqual(
        expect.arrayContaining(['manifest.yaml', 'main.py', 'plugin.mjs', 'requirements.txt']),
      )
      expect(paths).toEqual(expect.arrayContaining(['LICENSE', 'PRIVACY.md', 'THIRD_PARTY_LICENSES.txt']))
      expect(paths.filter((path) => path.startsWith('tools/'))).toHaveLength(provider.tools.length)
      expect(paths.filter((path) => /\.ts$|\.env|node_modules|sidecar/.test(path))).toEqual([])
      expect(comment).toBe('')
      const identifier = `hippocache/hippocache:${version}@${checksumOf(entries)}`
      for (const part of [identifier, 'FORCE_VERIFYING_SIGNATURE=false']) expect(stdout).toContain(part)
    })

    it('bundles everything except Node, without paths of this machine', async () => {
      const { entries } = await readPackage(join(folder, name))
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

    it('is reproducible', async () => {
      expect(build().status).toBe(0)
      expect((await readFile(join(out, name))).equals(await readFile(join(folder, name)))).toBe(true)
    })
  })

  it('--node system makes a package that installs nothing from a package index', async () => {
    const { stdout, status } = build('--node', 'system')
    expect(status).toBe(0)
    expect(stdout).toContain('PLUGIN_NODE_BIN')
    const [name = ''] = await readdir(out)
    const { entries } = await readPackage(join(out, name))
    const requirements = entries.find(({ path }) => path === 'requirements.txt')
    const lines = Buffer.from(requirements?.content ?? [])
      .toString()
      .split('\n')
    expect(lines.filter((line) => line !== '' && !line.startsWith('#'))).toEqual([])
    // The daemon looks for this text, also in a comment.
    // The expression of the daemon, which patches a package before 0.1.1.
    const [, major, minor] = /dify[_-]plugin(?:~=|==)(\d+)\.(\d+)/.exec(lines.join('\n')) ?? []
    expect(Number(major) * 100 + Number(minor)).toBeGreaterThan(1)
    expect(build('--node', 'docker')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('--node: expected wheel or system, got docker'),
    })
  })

  it('signs with the given key', async () => {
    const { key, publicKey } = await writeKey()
    const { stdout } = build('--sign', key)
    expect(stdout).toContain('THIRD_PARTY_SIGNATURE_VERIFICATION_PUBLIC_KEYS')
    const name = (await readdir(out)).find((entry) => entry.endsWith('.difypkg')) ?? ''
    expect(isSignedBy(await readPackage(join(out, name)), publicKey)).toBe(true)
  })

  it.each([
    [['--sign', '/nowhere/key.pem'], '--sign: expected a readable key file, got /nowhere/key.pem (ENOENT)'],
    [['--sign', `${repository}LICENSE`], 'sign.privateKey: expected an RSA private key as PEM'],
    [['--colour'], "Unknown option '--colour'"],
  ])('rejects %j and writes nothing', async (args, message) => {
    const { status, stderr } = build(...args)
    expect(status).toBe(1)
    expect(stderr).toContain(message)
    expect(await readdir(out)).toEqual([])
  })
})

describe('npm run release', () => {
  it('writes both variants, signed, with checksums and the public key, and refuses to write a version twice', async () => {
    const { key, publicKey } = await writeKey()
    const release = () => run('package/release.ts', '--out', join(out, 'dist'), '--sign', key)
    expect(release()).toMatchObject({ status: 0, stderr: '' })
    const { version } = (await loadPlugin(repository)).manifest
    const folder = join(out, 'dist', `release-${version}`)
    const packages = ['', '-system-node'].map((suffix) => `hippocache-hippocache-${version}${suffix}.difypkg`)
    expect((await readdir(folder)).sort()).toEqual(
      ['SHA256SUMS', ...packages, 'hippocache.public.pem'].sort(),
    )
    expect(await readFile(join(folder, 'hippocache.public.pem'), 'utf8')).toBe(publicKey)
    const sums = (await readFile(join(folder, 'SHA256SUMS'), 'utf8')).trim().split('\n')
    expect(sums).toHaveLength(3)
    for (const line of sums) {
      const [sum, name = ''] = line.split('  ')
      const content = await readFile(join(folder, name))
      expect(createHash('sha256').update(content).digest('hex'), name).toBe(sum)
    }
    for (const name of packages) {
      const content = await readPackage(join(folder, name))
      expect(isSignedBy(content, publicKey), name).toBe(true)
      const manifest = content.entries.find(({ path }) => path === 'manifest.yaml')?.content ?? []
      expect(Buffer.from(manifest).toString()).toMatch(new RegExp(`^version: ${version}$`, 'm'))
    }
    expect(release()).toMatchObject({ status: 1, stderr: expect.stringContaining('raise the version') })
  })

  it('needs a key', () => {
    expect(run('package/release.ts')).toMatchObject({ status: 1, stderr: expect.stringMatching(/^--sign: /) })
  })
})
