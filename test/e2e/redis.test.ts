import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { freePort, NEEDS, NO_REDIS, startRedis } from '../helpers/redis-server.ts'
import { eventually } from '../helpers/redis-subject.ts'
import { startSidecar } from '../helpers/sidecar-process.ts'
import { tempDir } from '../helpers/temp-dir.ts'
import { runTool } from '../helpers/tools/run-tool.ts'

async function start(env: Record<string, string>) {
  // A generous timeout, since several processes start at once, perhaps on a small machine.
  const timeouts = { REDIS_TIMEOUT_MS: '10000' }
  return await startSidecar({ DATA_DIR: tempDir(), LOG_LEVEL: 'info', ...timeouts, ...env })
}

const VALUE = { value: 'Ada likes tea.', conversation_id: 'c', turn: 3, window_size: 5 }
const READ = '/v1/cache/mem:ada?conversation_id=c&turn=5'

describe.skipIf(NO_REDIS)(`sidecars on one Redis ${NEEDS}`, () => {
  it('have a cache each, and keep serving recall while Redis is unreachable', async () => {
    await using redis = await startRedis()
    const env = { REDIS_URL: redis.url }
    // Each has a record store of its own.
    const [one, other] = await Promise.all([start(env), start(env)])
    expect(one.out()).toContain('cache redis')

    expect((await one.call('PUT', '/v1/cache/mem:ada', VALUE)).body.status).toBe('stored')
    const hit = { status: 'hit', reason: 'hit', value: 'Ada likes tea.', age_turns: 2, serves_until_turn: 7 }
    expect((await one.call('GET', READ)).body).toMatchObject(hit)
    expect((await one.call('GET', '/v1/cache/mem:ada?conversation_id=c&turn=8')).body).toMatchObject({
      status: 'stale',
    })
    expect((await other.call('GET', READ)).body).toMatchObject({ status: 'miss', reason: 'absent' })
    expect(await one.call('GET', '/readyz')).toMatchObject({
      status: 200,
      body: { backends: { cache: { kind: 'redis' } } },
    })
    const turn = { user_id: 'ada', messages: [{ role: 'user', content: 'I like tea.' }] }
    expect((await one.call('POST', '/v1/memories', turn)).status).toBe(200)

    await redis.kill()
    const nothing = { value: null, age_turns: null, age_s: null, serves_until_turn: null }
    await eventually(
      () => one.call('GET', '/readyz'),
      ({ status }) => status === 503,
    )
    const unread = await one.call('GET', READ)
    expect({ status: unread.status, body: unread.body }).toEqual({
      status: 200,
      body: { status: 'miss', reason: 'backend', ...nothing },
    })
    const refused = {
      status: 503,
      body: { error: { code: 'backend_unavailable', message: expect.stringMatching(/cache/) } },
    }
    expect(await one.call('PUT', '/v1/cache/mem:ada', VALUE)).toMatchObject(refused)
    expect(await one.call('DELETE', '/v1/cache/mem:ada')).toMatchObject(refused)
    expect((await one.call('GET', '/readyz')).body).toMatchObject({
      status: 'unready',
      backends: {
        records: { status: 'ok' },
        cache: {
          kind: 'redis',
          status: 'failed',
          error: expect.stringContaining(`redis at 127.0.0.1:${redis.port}`),
        },
      },
    })
    const recall = { user_id: 'ada', query: 'tea' }
    expect(await one.call('POST', '/v1/recall', recall)).toMatchObject({
      status: 200,
      body: { status: 'ok', count: 1 },
    })
    const credentials = { sidecar_url: one.url }
    const asked = { key: 'mem:ada', conversation_id: 'c', turn: 5 }
    const { variables: read } = await runTool({ tool: 'cache_get', parameters: asked, credentials })
    expect(read).toMatchObject({
      status: 'miss',
      value: '',
      error: expect.stringContaining('did not answer'),
    })
    const { variables: written } = await runTool({
      tool: 'cache_set',
      parameters: { ...asked, value: 'v' },
      credentials,
    })
    expect(written).toMatchObject({ status: 'error' })

    await redis.start()
    await eventually(
      () => one.call('PUT', '/v1/cache/mem:ada', VALUE),
      ({ status }) => status === 200,
    )
    await eventually(
      () => one.call('GET', READ),
      ({ body }) => body.status === 'hit',
    )
    expect((await one.call('GET', '/readyz')).status).toBe(200)
    const events = one
      .err()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line).event)
    expect(events.filter((event) => event.startsWith('cache '))).toEqual([
      'cache reachable',
      'cache unavailable',
      'cache reachable',
    ])
    expect(one.err()).not.toContain('Ada likes tea')
  })

  it('serve cached blocks after a restart, but none from before the data folder was replaced', async () => {
    await using redis = await startRedis()
    const env = { REDIS_URL: redis.url }
    const turn = { user_id: 'ada', conversation_id: 'c', turn: 1 }
    const recall = { ...turn, turn: 2, query: 'What does Ada like?', strategy: 'cached', window_size: 5 }
    const folder = tempDir()
    const first = await start({ ...env, DATA_DIR: folder })
    await first.call('POST', '/v1/memories', {
      ...turn,
      messages: [{ role: 'user', content: 'I like green tea.' }],
    })
    // In another conversation, whose window does not contain the turn.
    const other = { ...recall, conversation_id: 'd', turn: 1 }
    expect((await first.call('POST', '/v1/recall', other)).body.context).toContain('green tea')
    first.child.kill()
    await first.ended
    const again = await start({ ...env, DATA_DIR: folder })
    const { body } = await again.call('POST', '/v1/recall', other)
    expect(body).toMatchObject({ cache: { result: 'hit' }, context: expect.stringContaining('green tea') })
    again.child.kill()
    await again.ended
    const fresh = await start(env)
    const { context, cache } = (await fresh.call('POST', '/v1/recall', other)).body
    expect([context, cache.result]).toEqual(['', 'miss'])
    fresh.child.kill()
    await fresh.ended
  })

  it('start while Redis is unreachable, report it on /readyz, and recover', async () => {
    const port = await freePort()
    const sidecar = await start({ REDIS_URL: `redis://:hunter2@127.0.0.1:${port}` })
    expect((await sidecar.call('GET', '/v1/cache/k')).body).toMatchObject({
      status: 'miss',
      reason: 'backend',
    })
    const { status, body } = await sidecar.call('GET', '/readyz')
    expect({ status, error: body.backends.cache.error }).toEqual({
      status: 503,
      error: `redis at 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}`,
    })
    expect((await sidecar.call('GET', '/healthz')).status).toBe(200)
    expect(sidecar.err()).toContain('cache unavailable')
    expect(sidecar.out() + sidecar.err()).not.toContain('hunter2')
    await using redis = await startRedis([], { port })
    expect(redis.port).toBe(port)
    await eventually(
      () => sidecar.call('GET', '/readyz'),
      (answer) => answer.status === 200,
    )
    sidecar.child.kill('SIGTERM')
    expect(await sidecar.ended).toEqual({ code: 0, signal: null })
  })

  it('connect over TLS and reject a certificate that is not trusted', async () => {
    const dir = tempDir()
    const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    execFileSync('openssl', ['req', '-x509', ...made, '-keyout', key, '-out', cert, ...subject], {
      stdio: 'ignore',
    })
    const tlsPort = await freePort()
    const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-auth-clients', 'no']
    await using redis = await startRedis(['--tls-port', String(tlsPort), ...files])
    expect(redis.port).not.toBe(tlsPort)
    const env = { REDIS_URL: `rediss://localhost:${tlsPort}` }
    const [trusting, wary] = await Promise.all([start({ ...env, NODE_EXTRA_CA_CERTS: cert }), start(env)])
    expect((await trusting.call('PUT', '/v1/cache/k', { value: 1 })).status).toBe(200)
    expect((await trusting.call('GET', '/v1/cache/k')).body).toMatchObject({ status: 'hit', value: 1 })
    const { status, body } = await wary.call('GET', '/readyz')
    expect(status).toBe(503)
    expect(body.backends.cache.error).toMatch(/^redis at localhost:\d+: self-signed certificate/)
  })
})
