import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { APP_KEY, startFakeDify } from '../../../helpers/cli/dify/fake-dify.ts'
import { run } from '../../../helpers/cli/transfer/helpers.ts'
import { openSidecar } from '../../../helpers/sidecar.ts'
import { tempDir } from '../../../helpers/temp-dir.ts'
import { readMetrics } from '../../../unit/insight/metrics/read.ts'

const ARMS = [
  { name: 'fresh', strategy: 'per_query' },
  { name: 'block', strategy: 'cached' },
]

/** A sidecar with an experiment in which these conversations of Ada take part. */
async function sidecarWith(conversations: readonly string[]) {
  const { url, call } = await openSidecar({ DATA_DIR: tempDir() })
  await call('POST', '/v1/experiments', { name: 'ab', arms: ARMS })
  for (const conversation_id of conversations) {
    const turn = { user_id: 'ada', conversation_id, turn: 1 }
    await call('POST', '/v1/recall', { ...turn, query: 'Hello?', experiment: 'ab', window_size: 10 })
    await call('POST', '/v1/memories', { ...turn, messages: [{ role: 'user', content: 'I live in Kyoto.' }] })
  }
  return {
    url,
    call,
    async thumbs() {
      const read = readMetrics(await (await fetch(`${url}/metrics`)).text())
      const of = (name: string) => read.value(name, { name: 'thumbs' }) ?? 0
      return { count: of('hippocache_outcomes'), likes: of('hippocache_outcome_value_sum') }
    },
  }
}

describe('npm run outcomes', () => {
  it('records ratings once, replaces changed ones and removes withdrawn ones', async () => {
    const dify = await startFakeDify()
    const one = dify.add('c1', 'ada', ['like', null, 'dislike', 'like'])
    dify.add('c2', 'ada', ['like'])
    dify.add('c3', 'bob', ['like'])
    const { url, thumbs } = await sidecarWith(['c1'])
    const pull = () =>
      run('outcomes', ['--dify', dify.url, '--app-key', APP_KEY, '--user', 'ada', '--url', url])

    for (const _ of [1, 2]) {
      const { code, out, err } = await pull()
      expect([code, out]).toEqual([
        0,
        'Done. Users: 1, conversations: 2, messages: 4; likes: 2, dislikes: 1; conversations in no experiment: 1.\n',
      ])
      expect(out + err).not.toContain(APP_KEY)
      expect(await thumbs()).toEqual({ count: 3, likes: 2 })
    }
    const [first, second, third] = one.messages
    Object.assign(first as object, { rating: null })
    Object.assign(second as object, { rating: 'like' })
    Object.assign(third as object, { rating: 'like' })
    await pull()
    expect(await thumbs()).toEqual({ count: 3, likes: 3 })
  }, 120_000)

  it('reads long conversations and long lists in pages', async () => {
    const dify = await startFakeDify()
    dify.add('c1', 'ada', Array(250).fill('dislike'))
    for (let i = 2; i <= 150; i++) dify.add(`c${i}`, 'ada', ['like'])
    const { url, thumbs } = await sidecarWith(['c1'])
    const { code, err } = await run('outcomes', [
      ...['--dify', dify.url.replace('/v1', ''), '--app-key', APP_KEY, '--user', 'ada', '--url', url],
    ])
    expect(code).toBe(0)
    expect(err).toContain('100 %')
    expect(await thumbs()).toEqual({ count: 250, likes: 0 })
    const paths = dify.requests.map((request) => request.split('?')[0])
    expect(paths.filter((path) => path === '/v1/conversations')).toHaveLength(2)
    // Messages of conversations outside of experiments are not read.
    expect(paths.filter((path) => path === '/v1/messages')).toHaveLength(3)
  }, 120_000)

  it('finds all users and the conversations of the web app through the sidecar', async () => {
    const dify = await startFakeDify()
    dify.add('c1', 'ada', ['like'], { isListed: false })
    const { url, thumbs } = await sidecarWith(['c1'])
    const { code, out } = await run('outcomes', ['--dify', dify.url, '--url', url], { DIFY_APP_KEY: APP_KEY })
    expect([code, out]).toEqual([
      0,
      'Done. Users: 1, conversations: 1, messages: 1; likes: 1, dislikes: 0.\n',
    ])
    expect(await thumbs()).toEqual({ count: 1, likes: 1 })
  }, 120_000)

  it('waits when Dify limits requests or fails, and does not print the key', async () => {
    const dify = await startFakeDify()
    dify.add('c1', 'ada', ['like'])
    dify.failures.push(
      { status: 429, headers: { 'retry-after': '0' } },
      { status: 503, headers: { 'retry-after': '0' } },
    )
    const { url, thumbs } = await sidecarWith(['c1'])
    const { code, out, err } = await run('outcomes', [
      ...['--dify', dify.url, '--app-key', APP_KEY, '--user', 'ada', '--url', url],
    ])
    expect(code).toBe(0)
    expect(err).toContain('retrying in 0.0 s: Too many requests of Bearer ***')
    expect(out + err).not.toContain(APP_KEY)
    expect(await thumbs()).toEqual({ count: 1, likes: 1 })
  }, 120_000)

  it('leaves out conversations that have not changed since', async () => {
    const dify = await startFakeDify()
    dify.add('c1', 'ada', ['like'])
    const { url, thumbs } = await sidecarWith(['c1'])
    // The conversations of Dify are of 2025, and the sidecar knows c1 since just now.
    const { out } = await run('outcomes', [
      ...[
        '--dify',
        dify.url,
        '--app-key',
        APP_KEY,
        '--user',
        'ada',
        '--url',
        url,
        '--since',
        '2100-01-01T00:00:00Z',
      ],
    ])
    expect(out).toBe('Done. Users: 1, conversations: 0, messages: 0; likes: 0, dislikes: 0.\n')
    expect(await thumbs()).toEqual({ count: 0, likes: 0 })
  }, 120_000)
})

describe('npm run outcomes refuses', () => {
  it.each<[string, string[], RegExp]>([
    ['no address', ['--app-key', APP_KEY], /^--dify: expected the address of the API of Dify/],
    ['no key', ['--dify', 'http://127.0.0.1:1/v1'], /^--app-key: expected an API key of the app/],
    [
      'another address',
      ['--dify', 'dify.example', '--app-key', APP_KEY],
      /^--dify: expected an address like/,
    ],
    [
      'a key with a blank',
      ['--dify', 'http://127.0.0.1:1', '--app-key', 'app x'],
      /^--app-key: expected printable/,
    ],
    [
      'another duration',
      ['--dify', 'http://127.0.0.1:1', '--app-key', APP_KEY, '--since', 'May'],
      /^--since: expected/,
    ],
  ])(
    '%s',
    async (_, args, says) => {
      const { code, out, err } = await run('outcomes', args)
      expect([code, out]).toEqual([1, ''])
      expect(err).toMatch(says)
      expect(err).not.toContain(APP_KEY)
    },
    60_000,
  )

  it('a wrong key, and a server that is not Dify', async () => {
    const dify = await startFakeDify()
    const { url } = await sidecarWith([])
    const args = ['--user', 'ada', '--url', url]
    const wrong = await run('outcomes', [...args, '--dify', dify.url, '--app-key', 'app-wrong'])
    expect(wrong.code).toBe(1)
    expect(wrong.err).toMatch(
      /rejects the key: Access token is invalid\. Pass the right key with --app-key\./,
    )
    expect(wrong.err).not.toContain('app-wrong')

    const other = createServer((_, response) => void response.end('{"status": "fine"}')).listen(
      0,
      '127.0.0.1',
    )
    onTestFinished(() => void other.close())
    await new Promise((resolve) => void other.once('listening', resolve))
    const address = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    const { code, err } = await run('outcomes', [...args, '--dify', address, '--app-key', APP_KEY])
    expect(code).toBe(1)
    expect(err).toMatch(/does not answer like Dify \(has_more\)\.$/m)
  }, 60_000)
})
