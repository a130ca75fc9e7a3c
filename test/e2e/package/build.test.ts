import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadPlugin } from '../../../plugin-sdk/declarations/index.ts'
import { checksumOf, isSignedBy, readPackage } from '../../helpers/plugin-sdk/packager/read-package.ts'

const repository = fileURLToPath(new URL('../../../', import.meta.url))

let out: string
beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), 'package-'))
})
afterEach(() => rm(out, { recursive: true, force: true }))

function build(...args: string[]) {
  return spawnSync(process.execPath, ['package/build.ts', '--out', out, ...args], {
    cwd: repository,
    encoding: 'utf8',
  })
}

describe('npm run package', () => {
  it('writes one package with every file of the plugin, and prints its identifier and the next steps', async () => {
    const { stdout, status } = build()
    expect(status).toBe(0)
    const { manifest, provider } = await loadPlugin(repository)
    const name = `${manifest.author}-${manifest.name}-${manifest.version}.difypkg`
    expect(await readdir(out)).toEqual([name])

    const { entries, comment } = await readPackage(join(out, name))
    const paths = entries.map(({ path }) => path)
    expect(paths).toEqual(
      expect.arrayContaining(['manifest.yaml', 'main.py', 'plugin.mjs', 'requirements.txt']),
    )
    expect(paths).toEqual(expect.arrayContaining(['LICENSE', 'PRIVACY.md', 'THIRD_PARTY_LICENSES.txt']))
    expect(paths.filter((path) => path.startsWith('tools/'))).toHaveLength(provider.tools.length)
    expect(paths.filter((path) => /\.ts$|\.env|node_modules|sidecar/.test(path))).toEqual([])
    expect(comment).toBe('')
    const identifier = `hippocache/hippocache:${manifest.version}@${checksumOf(entries)}`
    for (const part of [identifier, 'FORCE_VERIFYING_SIGNATURE=false']) expect(stdout).toContain(part)
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
    expect(lines.join('\n')).toMatch(/dify_plugin==\d/)
    expect(build('--node', 'docker')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('--node: expected wheel or system, got docker'),
    })
  })

  it('bundles everything except Node, without paths of this machine', async () => {
    build()
    const [name = ''] = await readdir(out)
    const { entries } = await readPackage(join(out, name))
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
    build()
    const [name = ''] = await readdir(out)
    const first = await readFile(join(out, name))
    build()
    expect((await readFile(join(out, name))).equals(first)).toBe(true)
  })

  it('signs with the given key', async () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const key = join(out, 'key.pem')
    await writeFile(key, pair.privateKey.export({ type: 'pkcs1', format: 'pem' }))
    const { stdout } = build('--sign', key)
    expect(stdout).toContain('THIRD_PARTY_SIGNATURE_VERIFICATION_PUBLIC_KEYS')
    const name = (await readdir(out)).find((entry) => entry.endsWith('.difypkg')) ?? ''
    const publicKey = pair.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString()
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
