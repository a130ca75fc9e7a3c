import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createScanner, SCANNER_LIMIT } from './line-scanner.ts'
import { createRegistration } from './registration.ts'
import { createSessionRouter } from './session-router.ts'
import { startStdioDaemon } from './stdio-daemon.ts'
import { nodeOutput } from './tool-output.ts'

// A fake that accepts everything would prove nothing: each frame here is one the real daemon rejects.

const session = (data: unknown) => JSON.stringify({ event: 'session', session_id: 's', data })
const end = session({ type: 'end', data: {} })

function play(...lines: string[]) {
  const router = createSessionRouter()
  let closed: unknown
  const result = router.open('s').then((value) => {
    closed = value
    return value
  })
  for (const line of lines) router.take(line)
  const isClosed = async () => {
    await Promise.resolve()
    return closed !== undefined
  }
  return { router, result, isClosed }
}

describe('the fake daemon', () => {
  it('does not take an end without data for an end', async () => {
    const { router, isClosed } = play(session({ type: 'end' }))
    expect(await isClosed()).toBe(false)
    expect(router.problems).toHaveLength(1)
    expect(await play(session({ type: 'end', data: null })).isClosed()).toBe(true)
  })

  it.each([
    ['args that are a list', { error_type: 'E', message: 'm', args: [] }],
    [
      'args of 11 keys',
      { error_type: 'E', message: 'm', args: Object.fromEntries(Array(11).fill(0).entries()) },
    ],
    ['a message that is no text', { error_type: 'E', message: { m: 1 }, args: {} }],
    ['no type', { message: 'm' }],
  ])('ignores an error with %s, so that the end makes it a success', async (_name, data) => {
    const { router, result } = play(session({ type: 'error', data }), end)
    expect(await result).toMatchObject({ error: null, frames: ['error', 'end'] })
    expect(router.problems).toHaveLength(1)
  })

  it.each([
    ['an unknown type', { type: 'picture', message: {} }],
    ['a message that is no object', { type: 'text', message: 'hi' }],
  ])('ends a session at a chunk with %s', async (_name, data) => {
    expect((await play(session({ type: 'stream', data }), end).result).error?.error_type).toBe(
      'unmarshal_error',
    )
  })

  it('drops what is not JSON, of no known event, or of no known session', () => {
    const { router } = play('hello', '{"manifest":1}', end.replace('"s"', '"t"'))
    expect(router.problems).toHaveLength(3)
  })

  it('gives up on a line of the limit, and takes one byte less', () => {
    const lines: number[] = []
    const scan = (bytes: number) =>
      createScanner((line) => lines.push(line.length))(Buffer.from(`${'x'.repeat(bytes)}\n`))
    expect([scan(SCANNER_LIMIT - 1), scan(SCANNER_LIMIT)]).toEqual([true, false])
    expect(lines).toEqual([SCANNER_LIMIT - 1])
  })

  it('fails a node for a reserved variable, an oversize chunk or a blob without an end', () => {
    const variable = { type: 'variable', message: { variable_name: 'text', variable_value: 1 } }
    expect(() => nodeOutput({ chunks: [variable] })).toThrow('reserved')
    const chunk = (bytes: number, last: boolean) => ({
      type: 'blob_chunk',
      message: { id: 'b', blob: Buffer.alloc(bytes).toString('base64'), total_length: bytes, end: last },
    })
    expect(() => nodeOutput({ chunks: [chunk(8193, true)] })).toThrow('at most 8192')
    expect(() => nodeOutput({ chunks: [chunk(10, false)] })).toThrow('no end')
  })
})

describe('the fake daemon, launching a process', () => {
  const directory = mkdtemp(join(tmpdir(), 'fake-daemon-'))
  afterAll(async () => rm(await directory, { recursive: true }))

  async function launch(code: string) {
    const path = join(await directory, `${Math.random()}.mjs`)
    await writeFile(path, code)
    return startStdioDaemon([path], { heartbeatTimeoutMs: 2000 })
  }
  const heartbeat = `process.stdout.write('\\n{"event":"heartbeat"}\\n');`

  it('refuses a plugin without a heartbeat', async () => {
    await expect(launch(`process.stdin.resume()`)).rejects.toThrow('no heartbeat received')
  })

  it('shows what a plugin said that died before its heartbeat', async () => {
    await expect(launch(`console.error('no such file'); process.exit(3)`)).rejects.toThrow('no such file')
  })

  it('kills a plugin that writes a line over the limit', async () => {
    await using daemon = await launch(
      `${heartbeat} process.stdin.resume(); process.stdout.write('x'.repeat(${SCANNER_LIMIT}))`,
    )
    expect(await daemon.exit).toMatchObject({ signal: 'SIGKILL' })
  })
})

describe('the fake registration', () => {
  const text = { en_US: 'x' }
  const runner = { language: 'python', version: '3.12', entrypoint: 'main' }
  const manifest = {
    ...{ version: '0.0.1', type: 'plugin', author: 'acme', name: 'x', icon: 'icon.svg' },
    ...{
      label: text,
      description: text,
      created_at: '2025-01-01T00:00:00Z',
      meta: { version: '0.0.1', runner },
    },
  }
  const provider = { identity: { name: 'x', icon: 'icon.svg' }, credentials_schema: [], tools: [] }
  const line = (type: string, data?: unknown) => JSON.stringify({ type, data })
  const icon = line('asset_chunk', { filename: 'icon.svg', data: 'PHN2Zy8+', end: true })
  const good = [
    line('handshake', { key: 'k' }),
    line('manifest_declaration', manifest),
    line('tool_declaration', [provider]),
    icon,
    line('end', {}),
  ]

  function play(lines: (string | undefined)[]) {
    const registration = createRegistration('k')
    for (const each of lines) {
      const step = registration.take(each ?? '')
      if ('refusal' in step) return step.refusal
      if (step.registered) return 'registered'
    }
    return 'waiting'
  }

  it('takes the documented order', () => {
    expect(play(good)).toBe('registered')
  })

  it.each<[string, (string | undefined)[], RegExp]>([
    ['no handshake', good.slice(1), /invalid handshake message/],
    ['a wrong key', [line('handshake', { key: 'no' })], /invalid key/],
    ['an end without data', [...good.slice(0, 4), '{"type":"end"}'], /invalid initialization message/],
    ['tools before the manifest', [good[0], good[2], good[1], icon, good[4]], /no registration transferred/],
    ['a manifest twice', [good[0], good[1], good[1]], /already registered/],
    ['tools twice', [...good.slice(0, 3), good[2]], /already registered/],
    [
      'an empty asset chunk',
      [good[0], line('asset_chunk', { filename: 'e', data: '' })],
      /transfer assets failed/,
    ],
    [
      'an asset that is not base64',
      [good[0], line('asset_chunk', { filename: 'e', data: '*' })],
      /decode failed/,
    ],
    ['an icon that is missing', [...good.slice(0, 3), good[4]], /assets remap failed.*icon\.svg/],
    [
      'a date without a zone',
      [good[0], line('manifest_declaration', { ...manifest, created_at: '2025-01-01' })],
      /created_at/,
    ],
    [
      'no credentials key',
      [good[0], good[1], line('tool_declaration', [{ ...provider, credentials_schema: undefined }])],
      /unexpected end/,
    ],
  ])('refuses %s', (_name, lines, refusal) => {
    expect(play(lines)).toMatch(refusal)
  })
})
