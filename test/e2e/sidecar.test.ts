import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sha256Of } from '../../sidecar/http/access/api-keys.ts'
import { openSidecar } from '../helpers/sidecar.ts'
import { addressOf, refusalOf, spawnSidecar } from '../helpers/sidecar-process.ts'
import { tempDir } from '../helpers/temp-dir.ts'

const KEY = 'a-secret-key-of-the-test'
const JSON_TYPE = { 'content-type': 'application/json' }

async function post(url: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...JSON_TYPE, ...headers },
    body: JSON.stringify(body),
  })
  // biome-ignore lint/suspicious/noExplicitAny: response body, which the test examines
  return { status: response.status, body: (await response.json()) as any }
}

async function get(url: string) {
  const response = await fetch(url)
  // biome-ignore lint/suspicious/noExplicitAny: response body, which the test examines
  return (await response.json()) as any
}

/** Parses the curl command that the start prints. */
function curlOf(out: string) {
  const line = /^ {2}curl -s (\S+)(.*)$/m.exec(out)
  const rest = line?.[2] ?? ''
  const headers = Object.fromEntries(
    [...rest.matchAll(/-H '([^:']+): ([^']*)'/g)].map(([, name, value]) => [name, value]),
  )
  return { url: line?.[1] ?? '', headers, body: / -d '(.*)'$/.exec(rest)?.[1] ?? '' }
}

describe('a sidecar that starts', () => {
  it('prints its URL, its backends and a curl command that works', async () => {
    const dataDir = tempDir()
    const sidecar = spawnSidecar({ DATA_DIR: dataDir, OPENAI_API_KEY: 'sk-unused' })
    const address = await addressOf(sidecar)
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d+$/)
    expect(sidecar.out()).toMatch(/^Hippocache \d+\.\d+\.\d+ listens on \S+ \(ready in \d+ ms\)$/m)
    expect(sidecar.out()).toMatch(
      /^ {2}backends {2}records sqlite, cache in-process, queue none, language_model none, embedder lexical\S+$/m,
    )
    expect(sidecar.out()).toContain(`  data      ${dataDir}\n`)
    expect(sidecar.out()).toMatch(/^ {2}note {6}OPENAI_API_KEY is set but not used/m)
    expect(sidecar.out()).not.toContain('sk-unused')
    const { url, headers, body } = curlOf(sidecar.out())
    const response = await fetch(url, { method: 'POST', headers: headers as Record<string, string>, body })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ status: 'stored', events: [{ event: 'ADD' }] })
    expect(await post(`${address}/v1/recall`, { user_id: 'ada', query: 'peanuts' })).toMatchObject({
      status: 200,
      body: { status: 'ok', count: 1 },
    })
    expect(sidecar.err()).toBe('')
  })

  it('requires an API key and never prints one', async () => {
    const hashed = 'another-key-that-is-hashed'
    const keys = `one:${KEY},two:sha256:${sha256Of(hashed).toString('hex')}`
    const sidecar = spawnSidecar({ DATA_DIR: tempDir(), HOST: '0.0.0.0', API_KEYS: keys, LOG_LEVEL: 'debug' })
    const address = (await addressOf(sidecar)).replace('0.0.0.0', '127.0.0.1')
    const { headers } = curlOf(sidecar.out())
    expect(headers).toEqual({ Authorization: 'Bearer YOUR_KEY', 'Content-Type': 'application/json' })
    const status = async (key: string) =>
      await fetch(`${address}/v1/status`, { headers: { authorization: `Bearer ${key}` } })
    expect(await (await status(KEY)).json()).toMatchObject({ namespace: 'one' })
    expect(await (await status(hashed)).json()).toMatchObject({ namespace: 'two' })
    expect((await status('wrong-key-wrong-key')).status).toBe(401)
    sidecar.child.kill('SIGTERM')
    expect(await sidecar.ended).toEqual({ code: 0, signal: null })
    for (const secret of [KEY, hashed, keys.split('sha256:')[1] as string])
      expect(sidecar.out() + sidecar.err()).not.toContain(secret)
  })

  it('has its data after a restart', async () => {
    const env = { DATA_DIR: join(tempDir(), 'made', 'on', 'demand') }
    const first = await openSidecar(env)
    const turn = {
      user_id: 'ada',
      conversation_id: 'c',
      messages: [{ role: 'user', content: 'I live in Kyoto.' }],
    }
    const stored = await post(`${first.url}/v1/memories`, turn)
    await first.close()
    const { url: address } = await openSidecar(env)
    expect(
      (await post(`${address}/v1/recall`, { user_id: 'ada', query: 'Kyoto' })).body.memories,
    ).toMatchObject([{ id: stored.body.events[0].id }])
    expect((await post(`${address}/v1/memories`, turn)).body).toMatchObject({
      turn: 2,
      events: [{ event: 'NOOP' }],
    })
  })

  it('returns 413 for a body over MAX_BODY_BYTES and keeps serving', async () => {
    const { url: address } = await openSidecar({ DATA_DIR: tempDir(), MAX_BODY_BYTES: '2000' })
    const big = { user_id: 'ada', messages: [{ role: 'user', content: 'x'.repeat(500_000) }] }
    expect(await post(`${address}/v1/memories`, big)).toMatchObject({
      status: 413,
      body: { error: { code: 'payload_too_large' } },
    })
    expect(await statusOfChunked(`${address}/v1/memories`, JSON.stringify(big))).toBe(413)
    expect((await fetch(`${address}/healthz`)).status).toBe(200)
  })
})

describe('a sidecar that is stopped', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s answers requests in progress, accepts no more, and exits with 0',
    async (signal) => {
      const dataDir = tempDir()
      const sidecar = spawnSidecar({ DATA_DIR: dataDir })
      const address = await addressOf(sidecar)
      const stored: string[] = []
      const faults: unknown[] = []
      // The clients never pause and keep their connections open; the stop must not wait for them to close.
      const client = async (n: number) => {
        for (let i = 0; ; i++) {
          const text = `Client ${n} said fact number ${i}.`
          try {
            const { status, body } = await post(`${address}/v1/memories`, {
              user_id: `u${n}`,
              messages: [{ role: 'user', content: text }],
            })
            if (status === 200) stored.push(body.events[0].id)
            else faults.push(body)
          } catch (error) {
            return error
          }
        }
      }
      const clients = Array.from({ length: 6 }, (_, n) => client(n))
      while (stored.length < 60) await new Promise((resolve) => setTimeout(resolve, 5))
      sidecar.child.kill(signal)
      expect(await sidecar.ended).toEqual({ code: 0, signal: null })
      await Promise.all(clients)
      expect(faults).toEqual([])
      expect(sidecar.err()).toBe('')
      const ids = memoriesIn(dataDir).map(({ id }) => id)
      // Every stored memory was also acknowledged: no answer was lost.
      expect(new Set(ids)).toEqual(new Set(stored))
    },
  )
})

describe('a sidecar that is killed during concurrent writes', () => {
  it('has every acknowledged turn after the restart, and no partial turn', async () => {
    const env = { DATA_DIR: tempDir() }
    const facts = (n: number, i: number) =>
      [1, 2, 3].map((part) => `Client ${n} in turn ${i} told part ${part} of it.`)
    const acknowledged = new Set<string>()
    for (let round = 0; round < 2; round++) {
      const sidecar = spawnSidecar(env)
      const address = await addressOf(sidecar)
      let count = 0
      const client = async (n: number) => {
        for (let i = round * 10_000; ; i++) {
          const messages = facts(n, i).map((content) => ({ role: 'user', content }))
          try {
            const { status, body } = await post(`${address}/v1/memories`, {
              user_id: 'ada',
              conversation_id: `c${n}`,
              messages,
            })
            expect(status).toBe(200)
            acknowledged.add(body.turn_id)
            count += 1
          } catch (error) {
            return error
          }
        }
      }
      const clients = Array.from({ length: 8 }, (_, n) => client(n))
      while (count < 120) await new Promise((resolve) => setTimeout(resolve, 1))
      sidecar.child.kill('SIGKILL')
      await sidecar.ended
      await Promise.all(clients)
    }
    const { url: address } = await openSidecar(env)
    const recall = await post(`${address}/v1/recall`, { user_id: 'ada', query: 'part 2', top_k: 3 })
    expect(recall.body).toMatchObject({ status: 'ok', count: 3 })
    const listed: { turn_id: string; id: string }[] = []
    let cursor = ''
    do {
      const page = await get(`${address}/v1/memories?user_id=ada&limit=500${cursor}`)
      for (const { id, sources } of page.memories) listed.push({ id, turn_id: sources[0].turn_id })
      cursor = page.next_cursor === null ? '' : `&cursor=${page.next_cursor}`
    } while (cursor !== '')
    const byTurn = Map.groupBy(listed, ({ turn_id }) => turn_id)
    for (const turnId of acknowledged) expect(byTurn.get(turnId)).toHaveLength(3)
    // Turns that were stored but not acknowledged may exist too, but only complete.
    for (const memories of byTurn.values()) expect(memories).toHaveLength(3)
  })
})

describe('a sidecar that cannot start', () => {
  it('reports that another process uses DATA_DIR, without disturbing it', async () => {
    const env = { DATA_DIR: tempDir() }
    const address = await addressOf(spawnSidecar(env))
    const { code, out, err } = await refusalOf(env)
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(
      /^DATA_DIR: cannot open .*: another process is using it \(one sidecar owns the file; stop the other, or give this one its own DATA_DIR\)\n$/,
    )
    expect(
      (
        await post(`${address}/v1/memories`, {
          user_id: 'a',
          messages: [{ role: 'user', content: 'I like tea.' }],
        })
      ).status,
    ).toBe(200)
  })

  it('reports that the port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void other.close())
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as AddressInfo
    const { code, out, err } = await refusalOf({ DATA_DIR: tempDir(), PORT: String(port) })
    expect({ code, out, err }).toEqual({
      code: 1,
      out: '',
      err: `PORT: cannot listen: 127.0.0.1:${port} is in use by another program; set PORT to a free one\n`,
    })
  })

  it('reports every configuration problem at once, without a stack trace or a secret', async () => {
    const { code, out, err } = await refusalOf({
      DATA_DIR: tempDir(),
      HOST: '0.0.0.0',
      PORT: '99999',
      LOG_LEVEL: 'loud',
      REDIS_URL: 'memcached://:secret@localhost',
    })
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(/^Cannot start, the configuration has 4 problems:\n( {2}- .*\n){4}$/)
    for (const name of ['HOST', 'PORT', 'LOG_LEVEL', 'REDIS_URL']) expect(err).toContain(`  - ${name}: `)
    expect(err).not.toContain('secret')
  })

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'listens on the network without API keys',
      { HOST: '0.0.0.0' },
      /HOST: expected a loopback address .* got "0\.0\.0\.0"; set API_KEYS=name:key to listen on the network/,
    ],
    ['has malformed API keys, without printing them', { API_KEYS: `${KEY}:prod,x:${KEY} y` }, /API_KEYS: /],
    [
      'has a data folder that is not writable',
      { DATA_DIR: '/dev/null/data' },
      /^DATA_DIR: cannot open \/dev\/null\/data\/hippocache\.db: ENOTDIR/,
    ],
  ])('says that it %s', async (_, env, message) => {
    const error = await openSidecar({ DATA_DIR: tempDir(), ...env }).then(
      () => expect.fail('it has started'),
      (error: Error) => error,
    )
    expect(error.message).toMatch(message)
    expect(error.message).not.toContain(KEY)
  })
})

/** Sends a body with chunked encoding; returns the status as soon as there is one. */
async function statusOfChunked(url: string, body: string): Promise<number | undefined> {
  const outgoing = request(url, { method: 'POST', headers: JSON_TYPE, agent: false })
  // The server may close the connection while the body is still being sent.
  outgoing.on('error', () => {})
  outgoing.write(body)
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  outgoing.destroy()
  return incoming.statusCode
}

function memoriesIn(dataDir: string): { id: string }[] {
  const db = new DatabaseSync(join(dataDir, 'hippocache.db'), { readOnly: true })
  try {
    return db.prepare("SELECT id FROM records WHERE collection = 'memories'").all() as { id: string }[]
  } finally {
    db.close()
  }
}
