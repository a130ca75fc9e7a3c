import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { replayCommand } from '../../sidecar/app/replay.ts'
import { runCommand, spawnCommand } from '../helpers/command.ts'
import { openSidecar } from '../helpers/sidecar.ts'
import { startSidecar } from '../helpers/sidecar-process.ts'
import { tempDir } from '../helpers/temp-dir.ts'

const SMALL_TALK = ['Rain again today.', 'The bus was late.', 'Lunch was soup.', 'The office is cold.']
const TURNS: readonly [string, string][] = [
  ['My greyhound used to race as Tuppenny Hurricane.', 'What a name!'],
  ...SMALL_TALK.map((text): [string, string] => [text, 'I see.']),
  ['What was my greyhound called on the track?', 'Tuppenny Hurricane.'],
]

type Sidecar = Awaited<ReturnType<typeof openSidecar>>

async function talk({ call }: Pick<Sidecar, 'call'>, userId: string): Promise<void> {
  for (const [i, [user, assistant]] of TURNS.entries()) {
    const messages = [
      { role: 'user', content: user },
      { role: 'assistant', content: assistant },
    ]
    const body = { user_id: userId, conversation_id: 'c', turn: i + 1, messages }
    expect((await call('POST', '/v1/memories', body)).status).toBe(200)
  }
}

const hashOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')

describe('npm run replay', { timeout: 120_000 }, () => {
  it('reads the store of a running sidecar, leaves it as it is, and reports in each format', async () => {
    const env = { DATA_DIR: tempDir() }
    const sidecar = await openSidecar(env)
    await talk(sidecar, 'ada')
    const files = ['hippocache.db', 'hippocache.db-wal'].map((name) => join(env.DATA_DIR, name))
    const before = files.map(hashOf)

    const markdown = await runCommand(replayCommand, env, '--windows', '3')
    expect(markdown, markdown.err).toMatchObject({ code: 0 })
    expect(markdown.out).toMatch(/^# Replay\n/)
    expect(markdown.out).toContain('6 turns of 1 user; 6 with a recorded answer, 1 of which drew on a memory')
    expect(markdown.out).toMatch(/\| cached_delta \| 3 \| 100 % \|/)
    expect(markdown.err).toContain('6 of 6 turns')

    const to = join(env.DATA_DIR, 'report.json')
    const json = await runCommand(replayCommand, env, '--user', 'ada', '--strategies', 'cached', '--to', to)
    expect(json, json.err).toMatchObject({ code: 0, out: `Done: the report is in ${to}.\n` })
    const { settings } = JSON.parse(readFileSync(to, 'utf8'))
    expect(settings.map((one: { window_size: number }) => one.window_size)).toEqual([5, 10, 20])
    expect(files.map(hashOf)).toEqual(before)
    await sidecar.close()
  })

  it('continues after a kill and reports what an uninterrupted run does', async () => {
    const env = { DATA_DIR: tempDir() }
    const sidecar = await openSidecar(env)
    for (const userId of ['ada', 'bea', 'cid']) await talk(sidecar, userId)
    await sidecar.close()
    const state = join(env.DATA_DIR, 'state.jsonl')
    const args = ['--windows', '3', '--since', '30d', '--format', 'json', '--state', state]
    const killed = spawnCommand('replay', env, ...args)
    // The second line of the state is the first user.
    while (!existsSync(state) || readFileSync(state, 'utf8').split('\n').length < 3) {
      await new Promise((resolve) => setTimeout(resolve, 1))
      if (killed.exitCode !== null) break
    }
    killed.kill('SIGKILL')
    await once(killed, 'close')
    const resumed = await runCommand(replayCommand, env, ...args)
    expect(resumed, resumed.err).toMatchObject({ code: 0 })
    expect(resumed.err).toMatch(/Continuing an interrupted run; users already replayed: [123]/)
    expect(existsSync(state)).toBe(false)
    const whole = await runCommand(replayCommand, env, ...args)
    expect(whole.err).not.toContain('Continues')
    // The later run starts later; latencies differ.
    const comparable = (text: string) =>
      JSON.parse(text, (key, value) => (key === 'latency_ms' || key === 'since' ? undefined : value))
    expect(comparable(resumed.out)).toEqual(comparable(whole.out))
  })

  it.each([
    [
      ['--strategies', 'cache'],
      '--strategies: expected values from per_query,cached,cached_delta, got "cache"',
    ],
    [['--windows', '0'], '--windows: expected an integer from 1 to 500, got "0"'],
    [['--windows', '1,2,3,4,5,6,7,8,9'], '--windows: expected at most 8 sizes, got'],
    [['--since', 'yesterday'], 'since: expected an age such as 30d or 12h, a day or an ISO 8601 time'],
    [['--refresh-on-shift', '2'], '--refresh-on-shift: expected a number from 0 to 1, got "2"'],
    [['--format', 'pdf'], '--format: expected one of json, csv, markdown, got "pdf"'],
    [
      ['--to', '/no such folder/r.md'],
      '--to: expected a file in an existing folder, got "/no such folder/r.md"',
    ],
    [[], 'hippocache.db: it does not exist; a sidecar creates it'],
  ])('refuses %j', async (args, message) => {
    const { code, err } = await runCommand(replayCommand, { DATA_DIR: tempDir() }, ...args)
    expect(code).toBe(1)
    expect(err).toContain(message)
  })
})

describe('POST /v1/replays', { timeout: 120_000 }, () => {
  it('replays in the background, one at a time, is cancelled by DELETE and by the end of the sidecar', async () => {
    const sidecar = await startSidecar({ DATA_DIR: tempDir() })
    const { call, url } = sidecar
    await talk(sidecar, 'ada')
    await talk(sidecar, 'bea')
    const started = await call('POST', '/v1/replays', { windows: [3], since: '30d', user_id: 'ada' })
    expect(started).toMatchObject({ status: 200, body: { status: 'running', done: 0 } })
    const path = `/v1/replays/${started.body.id}`
    expect(await call('POST', '/v1/replays', {})).toMatchObject({
      status: 409,
      body: { error: { code: 'conflict' } },
    })
    await expect.poll(async () => (await call('GET', path)).body.status, { timeout: 60_000 }).toBe('done')
    const { body } = await call('GET', path)
    expect(body).toMatchObject({ done: 6, total: 6, error: null, result: { users: 1, turns: 6 } })
    expect(body.result.settings).toHaveLength(3)
    const csv = await fetch(`${url}${path}?format=csv`)
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect(await csv.text()).toMatch(/^strategy,window_size,/)
    expect(await (await fetch(`${url}${path}?format=markdown`)).text()).toMatch(/^# Replay/)

    const second = await call('POST', '/v1/replays', {})
    const cancelled = await call('DELETE', `/v1/replays/${second.body.id}`)
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled' } })
    expect(await call('GET', `/v1/replays/${second.body.id}?format=csv`)).toMatchObject({ status: 409 })
    const list = await call('GET', '/v1/replays')
    expect(list.body.replays.map((one: { status: string }) => one.status)).toEqual(['cancelled', 'done'])

    await call('POST', '/v1/replays', {})
    sidecar.child.kill('SIGTERM')
    expect((await sidecar.ended).code).toBe(0)
  })
})
