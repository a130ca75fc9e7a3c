import { describe, expect, it } from 'vitest'
import { startFakeQdrant } from '../helpers/fake-qdrant/server.ts'
import { NEEDS, NO_REDIS, startRedis } from '../helpers/redis-server.ts'
import { eventually } from '../helpers/redis-subject.ts'
import { type LocalSidecar, openSidecar } from '../helpers/sidecar.ts'
import { startSidecar } from '../helpers/sidecar-process.ts'
import { tempDir } from '../helpers/temp-dir.ts'

const USERS = ['ada', 'bob', 'eve']

const SAID = [
  'I live in Leeds and work as a nurse.',
  'I am allergic to peanuts.',
  'My sister Mia plays the cello.',
  'I moved to Porto last spring.',
  'I am learning Welsh in the evenings.',
  'My cat is called Schubert.',
]

const REFUSED = { status: 503, body: { error: { code: 'backend_unavailable' } } }

type Sidecar = Pick<LocalSidecar, 'call' | 'url'>

/** Starts Redis and a fake Qdrant, and returns functions that start sidecars on them. */
async function startBackends() {
  const redis = await startRedis()
  const qdrant = await startFakeQdrant()
  const env = {
    REDIS_URL: redis.url,
    QDRANT_URL: qdrant.url,
    // Generous timeouts for a small machine.
    REDIS_TIMEOUT_MS: '10000',
    QDRANT_TIMEOUT_MS: '10000',
  }
  const locals: LocalSidecar[] = []
  return {
    redis,
    qdrant,
    sidecar: (more: Record<string, string> = {}) => startSidecar({ DATA_DIR: tempDir(), ...env, ...more }),
    /** In the process of the test, which starts sooner. The other one has a process of its own. */
    async local(more: Record<string, string> = {}) {
      const opened = await openSidecar({ DATA_DIR: tempDir(), ...env, ...more })
      locals.push(opened)
      return opened
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(locals.map(({ close }) => close()))
      await redis[Symbol.asyncDispose]()
      await qdrant[Symbol.asyncDispose]()
    },
  }
}

/** Posts one turn, numbered by the sidecar. The idempotency key makes a second post the same call. */
function say({ call }: Sidecar, user_id: string, content: string, more: object = {}) {
  const body = { user_id, conversation_id: `of ${user_id}`, messages: [{ role: 'user', content }], ...more }
  return call('POST', '/v1/memories', body, { 'idempotency-key': `${user_id} ${content}` })
}

/** Reads the memories of a user with their histories, and the last turn of the conversation. */
async function knownOf({ call }: Sidecar, user: string) {
  const { body } = await call('GET', `/v1/memories?user_id=${user}&limit=100`)
  const memories: string[] = []
  for (const { id, memory, version, kind } of body.memories) {
    const { body: past } = await call('GET', `/v1/memories/${id}/history?user_id=${user}`)
    const rows = past.history.map(
      ({ event, turn, after }: Record<string, unknown>) => `${event} ${turn} ${after}`,
    )
    memories.push(`${kind} ${memory} v${version}: ${rows.join(', ')}`)
  }
  const { body: conversation } = await call('GET', `/v1/conversations/of%20${user}?user_id=${user}`)
  return { memories: memories.sort(), last: conversation.last_turn }
}

async function recalled({ call }: Sidecar, user_id: string, query: string, more: object = {}) {
  const { body } = await call('POST', '/v1/recall', { user_id, query, strategy: 'per_query', ...more })
  expect(['ok', 'empty', 'degraded']).toContain(body.status)
  return body.context as string
}

/** Runs the same talk against one process with its own SQLite file. */
async function asOneProcess(talk: (one: Sidecar) => Promise<void>) {
  const one = await openSidecar({ DATA_DIR: tempDir() })
  await talk(one)
  const known = await Promise.all(USERS.map((user) => knownOf(one, user)))
  await one.close()
  return known
}

describe.skipIf(NO_REDIS)(`two sidecars on one Redis and one Qdrant ${NEEDS}`, () => {
  it('have the same memories as one process, whichever of them receives the requests', async () => {
    const expected = await asOneProcess(async (one) => {
      for (const user of USERS) for (const text of SAID) await say(one, user, text)
    })
    await using backends = await startBackends()
    const [one, other] = await Promise.all([backends.local(), backends.sidecar()])
    // The turns of a user alternate between the sidecars, in order; the users run concurrently.
    await Promise.all(
      USERS.map(async (user, u) => {
        for (const [i, text] of SAID.entries()) {
          const { status, body } = await say((i + u) % 2 ? one : other, user, text)
          expect({ status, turn: body.turn }).toEqual({ status: 200, turn: i + 1 })
        }
      }),
    )
    for (const sidecar of [one, other]) {
      expect(await Promise.all(USERS.map((user) => knownOf(sidecar, user)))).toEqual(expected)
      expect(await recalled(sidecar, 'bob', 'allergic to peanuts?')).toContain('peanuts')
    }
    const third = await backends.local()
    expect(await knownOf(third, 'eve')).toEqual(expected[2])
    expect(await say(third, 'eve', 'I sold the piano.')).toMatchObject({ body: { turn: SAID.length + 1 } })
    for (const sidecar of [one, other, third]) {
      expect(await recalled(sidecar, 'eve', 'the piano?')).toContain('sold the piano')
    }
  }, 240_000)

  it('store a turn once if both receive it at the same time', async () => {
    await using backends = await startBackends()
    const [one, other] = await Promise.all([backends.local(), backends.sidecar()])
    const texts = Array.from(
      { length: 12 },
      (_, i) => `I own a house with ${i + 2} rooms in town number ${i}.`,
    )
    // Every call is sent twice, as by a caller that did not wait for the answer.
    const answers = await Promise.all(
      texts.flatMap((text, i) => [
        say(i % 2 ? one : other, 'ada', text),
        say(i % 3 ? one : other, 'ada', text),
      ]),
    )
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    const turns = answers.map(({ body }) => body.turn as number)
    expect(turns.filter((_, i) => i % 2 === 0)).toEqual(turns.filter((_, i) => i % 2 === 1))
    expect([...new Set(turns)].sort((a, b) => a - b)).toEqual(texts.map((_, i) => i + 1))
    const { memories, last } = await knownOf(one, 'ada')
    expect({ count: memories.length, last }).toEqual({ count: texts.length, last: texts.length })
    expect(await knownOf(other, 'ada')).toEqual({ memories, last })
  }, 240_000)

  it('stop serving a memory that was deleted or corrected on the other', async () => {
    await using backends = await startBackends()
    const [one, other] = await Promise.all([backends.local(), backends.sidecar()])
    for (const text of SAID) await say(one, 'ada', text)
    // In another conversation, since recall leaves out what the window shows.
    const at = { conversation_id: 'later', turn: 2, window_size: 10 }
    const askAll = async (query: string) => {
      const contexts: string[] = []
      for (const sidecar of [other, one]) {
        for (const strategy of ['per_query', 'cached', 'cached_delta']) {
          contexts.push(await recalled(sidecar, 'ada', query, { ...at, strategy }))
        }
        const { body } = await sidecar.call('GET', '/v1/profile?user_id=ada')
        contexts.push(JSON.stringify(body))
      }
      return contexts
    }
    for (const context of await askAll('peanuts?')) expect(context).toContain('peanuts')
    const { body } = await one.call('GET', '/v1/memories?user_id=ada')
    const idOf = (word: string) =>
      body.memories.find(({ memory }: { memory: string }) => memory.includes(word)).id as string
    expect((await one.call('DELETE', `/v1/memories/${idOf('peanuts')}?user_id=ada`)).status).toBe(200)
    for (const context of await askAll('peanuts?')) expect(context).not.toContain('peanuts')
    const corrected = { user_id: 'ada', memory: 'I moved to Lisbon last spring.' }
    expect((await other.call('PATCH', `/v1/memories/${idOf('Porto')}`, corrected)).status).toBe(200)
    for (const context of await askAll('Porto or Lisbon?')) {
      expect(context).not.toContain('Porto')
      expect(context).toContain('Lisbon')
    }
    expect((await one.call('DELETE', '/v1/memories?user_id=ada')).status).toBe(200)
    for (const context of await askAll('Schubert?')) expect(context).not.toContain('Schubert')
  }, 240_000)

  it('keep acknowledged turns and no partial commit if one dies during a commit', async () => {
    const expected = await asOneProcess(async (one) => {
      for (const user of USERS) for (const text of SAID) await say(one, user, text)
    })
    await using backends = await startBackends()
    // A lease lasts three times QDRANT_TIMEOUT_MS, and is waited for here.
    const short = { QDRANT_TIMEOUT_MS: '2000' }
    const [one, other] = await Promise.all([backends.sidecar(short), backends.local(short)])
    for (const user of USERS) for (const text of SAID.slice(0, 3)) await say(one, user, text)
    // The commit is applied partially and not acknowledged.
    let isCut = false
    let batches = 0
    backends.qdrant.fault = ({ path }) => {
      if (!path.endsWith('/points/batch') || isCut) return undefined
      batches += 1
      if (batches < 2) return undefined
      isCut = true
      void one.kill()
      return { cut: 'half' }
    }
    await expect(say(one, 'ada', SAID[3] as string)).rejects.toThrow()
    await one.ended
    backends.qdrant.fault = () => undefined
    // The caller got no answer and retries on the other sidecar.
    for (const user of USERS) {
      for (const text of SAID.slice(3)) expect((await say(other, user, text)).status).toBe(200)
    }
    expect(await Promise.all(USERS.map((user) => knownOf(other, user)))).toEqual(expected)
    const again = await backends.local()
    expect(await Promise.all(USERS.map((user) => knownOf(again, user)))).toEqual(expected)
  }, 240_000)

  it('refuse writes and keep reading while Redis is unreachable, and recover', async () => {
    await using backends = await startBackends()
    const [one, other] = await Promise.all([backends.local(), backends.sidecar()])
    await say(one, 'ada', SAID[0] as string)
    await say(other, 'ada', SAID[1] as string)
    await backends.redis.kill()
    for (const sidecar of [one, other]) {
      const refused = await eventually(
        () => say(sidecar, 'ada', SAID[2] as string),
        ({ status }) => status !== 200,
      )
      expect(refused).toMatchObject(REFUSED)
      expect(refused.body.error.message).toMatch(/nothing was stored/)
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(await recalled(sidecar, 'ada', 'allergic to peanuts?')).toContain('peanuts')
    }
    await backends.redis.start()
    await eventually(
      () => say(other, 'ada', SAID[2] as string),
      ({ status }) => status === 200,
    )
    await eventually(
      () => say(one, 'ada', SAID[3] as string),
      ({ status }) => status === 200,
    )
    const known = await knownOf(one, 'ada')
    expect(known).toMatchObject({ last: 4 })
    expect(known.memories).toHaveLength(4)
    expect(await knownOf(other, 'ada')).toEqual(known)
  }, 240_000)

  it('serve nothing of another store on the same Redis, nor of one that was erased', async () => {
    await using backends = await startBackends()
    const at = { conversation_id: 'later', turn: 2, window_size: 10 }
    const blockOf = (sidecar: Sidecar) => recalled(sidecar, 'ada', 'peanuts?', { ...at, strategy: 'cached' })
    const prefixed = (QDRANT_COLLECTION_PREFIX: string) => backends.local({ QDRANT_COLLECTION_PREFIX })
    const [one, other] = await Promise.all([prefixed('one_'), prefixed('other_')])
    await say(one, 'ada', SAID[1] as string)
    await say(other, 'ada', SAID[2] as string)
    for (let i = 0; i < 2; i++) {
      expect(await blockOf(one)).toContain('peanuts')
      expect(await blockOf(other)).not.toContain('peanuts')
      expect(await blockOf(other)).toContain('cello')
    }
    await one.close()
    backends.qdrant.state.collections.clear()
    backends.qdrant.state.aliases.clear()
    expect(await blockOf(await prefixed('one_'))).toBe('')
  }, 240_000)
})
