import { describe, expect, it } from 'vitest'
import { startFakeQdrant } from '../helpers/fake-qdrant/server.ts'
import { TABLE } from '../helpers/learning/buffer/model.ts'
import { isDecision, memoryModel } from '../helpers/memory-model.ts'
import { NEEDS, NO_REDIS, startRedis } from '../helpers/redis-server.ts'
import { eventually } from '../helpers/redis-subject.ts'
import { type Rule, startScriptedOpenAi } from '../helpers/scripted-openai/server.ts'
import { type LocalSidecar, openSidecar } from '../helpers/sidecar.ts'
import { startSidecar } from '../helpers/sidecar-process.ts'
import { tempDir } from '../helpers/temp-dir.ts'

const SAID = ['I live in Leeds', 'I am a nurse', 'I have a cat', 'I moved to Porto', 'I play the cello']
const KNOWN = ['Ada has a cat.', 'Ada lives in Porto.', 'Ada plays the cello.', 'Ada works as a nurse.']

type Sidecar = Pick<LocalSidecar, 'call' | 'url'>

/** Starts Redis, a fake Qdrant and a scripted model, and returns functions that start sidecars on them. */
async function startBackends(rules: Rule[] = [{ answer: memoryModel(TABLE) }]) {
  const redis = await startRedis()
  const qdrant = await startFakeQdrant()
  const model = await startScriptedOpenAi({ rules, usage: 'estimate' })
  const env = {
    REDIS_URL: redis.url,
    QDRANT_URL: qdrant.url,
    REDIS_TIMEOUT_MS: '5000',
    QDRANT_TIMEOUT_MS: '6000',
    OPENAI_BASE_URL: model.url,
    LLM_MODEL: 'scripted',
    LLM_RETRIES: '0',
    BUFFER_IDLE_MS: '3600000',
  }
  const locals: LocalSidecar[] = []
  return {
    redis,
    model,
    sidecar: (more: Record<string, string> = {}) => startSidecar({ DATA_DIR: tempDir(), ...env, ...more }),
    /** In the process of the test, which starts sooner. The other one has a process of its own. */
    async local(more: Record<string, string> = {}) {
      const opened = await openSidecar({ DATA_DIR: tempDir(), ...env, ...more })
      locals.push(opened)
      return opened
    },
    /** The batches of the extraction requests. */
    batches: () =>
      model.requests
        .filter((request) => !isDecision(request))
        .map(({ last }) => /<batch>\n([\s\S]*)\n<\/batch>/.exec(last)?.[1] ?? last),
    async [Symbol.asyncDispose]() {
      await Promise.all(locals.map(({ close }) => close()))
      await model[Symbol.asyncDispose]()
      await redis[Symbol.asyncDispose]()
      await qdrant[Symbol.asyncDispose]()
    },
  }
}

async function say({ call }: Sidecar, turn: number, mode?: string) {
  const messages = [{ role: 'user', name: 'Ada', content: SAID[turn - 1], at: `2026-03-0${turn}T10:00:00Z` }]
  return await call('POST', '/v1/memories', { user_id: 'ada', conversation_id: 'c', turn, messages, mode })
}

const flush = ({ call }: Sidecar, wait = true) => call('POST', '/v1/flush', { user_id: 'ada', wait })

async function waitingOf({ call }: Sidecar): Promise<{ turn: number; error: string | null }[]> {
  return (await call('GET', '/v1/pending?user_id=ada')).body.turns
}

async function textsOf({ call }: Sidecar): Promise<string[]> {
  const { body } = await call('GET', '/v1/memories?user_id=ada&limit=100')
  return body.memories.map(({ memory }: { memory: string }) => memory).sort()
}

/** Counts the ADD events of each memory. */
async function additionsOf({ call }: Sidecar): Promise<number[]> {
  const { body } = await call('GET', '/v1/memories?user_id=ada&limit=100')
  return await Promise.all(
    body.memories.map(async ({ id }: { id: string }) => {
      const { body: past } = await call('GET', `/v1/memories/${id}/history?user_id=ada`)
      return past.history.filter(({ event }: { event: string }) => event === 'ADD').length
    }),
  )
}

async function metricOf({ url }: Sidecar, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^hippocache_${name} (.*)$`, 'm').exec(text)?.[1])
}

describe.skipIf(NO_REDIS)(`two sidecars with a model, on one Redis and one Qdrant ${NEEDS}`, () => {
  it('share pending turns: each lists, flushes and deletes turns that the other accepted, in order', async () => {
    await using backends = await startBackends()
    const one = await backends.local()
    const other = await backends.sidecar()
    expect((await one.call('GET', '/readyz')).body.backends.queue).toMatchObject({
      kind: 'bullmq',
      status: 'ok',
    })
    for (const turn of [1, 2, 3, 4, 5]) expect((await say(turn % 2 ? one : other, turn)).status).toBe(202)
    for (const sidecar of [one, other]) {
      expect((await waitingOf(sidecar)).map(({ turn }) => turn)).toEqual([1, 2, 3, 4, 5])
      expect(await metricOf(sidecar, 'pending_turns')).toBe(5)
    }
    const { body } = await flush(other)
    expect(body).toMatchObject({ reason: null, pending: { turns: 0 } })
    for (const sidecar of [one, other]) {
      expect(await waitingOf(sidecar)).toEqual([])
      expect(await textsOf(sidecar)).toEqual(KNOWN)
    }
    const [batch, ...more] = backends.batches()
    expect(more).toEqual([])
    const places = SAID.map((text) => batch?.indexOf(text) ?? -1)
    expect(places.every((at) => at >= 0)).toBe(true)
    expect(places).toEqual([...places].sort((a, b) => a - b))
    await say(one, 1)
    const left = await say(one, 2)
    expect(left.body.status).toBe('stored')
  }, 90_000)

  it('flush one user one at a time, and a waiting flush returns the result of the other sidecar', async () => {
    await using backends = await startBackends([{ answer: memoryModel(TABLE), latencyMs: 500 }])
    const one = await backends.local()
    const other = await backends.sidecar()
    for (const turn of [1, 2, 3]) await say(one, turn)
    const [first, second, synced] = await Promise.all([flush(one), flush(other), say(other, 4, 'sync')])
    expect([first.body.reason, second.body.reason, synced.body.reason]).toEqual([null, null, null])
    expect(synced.body.events.map(({ memory }: { memory: string }) => memory)).toContain(
      'Ada lives in Porto.',
    )
    const asked = backends.batches()
    for (const text of SAID.slice(0, 4)) {
      expect(
        asked.filter((batch) => batch.includes(text)),
        text,
      ).toHaveLength(1)
    }
    expect(await waitingOf(one)).toEqual([])
    expect(await additionsOf(other)).toEqual([1, 1, 1])
  }, 90_000)

  it('take over from a sidecar killed during a model call, with the same memories as one process', async () => {
    await using backends = await startBackends([{ times: 1, hang: true }, { answer: memoryModel(TABLE) }])
    const one = await backends.sidecar({ BUFFER_TURNS: '3' })
    const other = await backends.sidecar({ BUFFER_TURNS: '3' })
    for (const turn of [1, 2, 3]) await say(one, turn)
    await eventually(
      async () => backends.batches().length,
      (count) => count === 1,
    )
    // Either may run the flush, so both are killed, and a third one takes over.
    await one.kill()
    await say(other, 4)
    await other.kill()
    const third = await backends.local({ BUFFER_TURNS: '3' })
    await say(third, 5)
    await eventually(
      () => waitingOf(third),
      (turns) => turns.length === 0,
      75_000,
    )
    expect(await textsOf(third)).toEqual(KNOWN)
    expect(await additionsOf(third)).toEqual([1, 1, 1, 1])
  }, 150_000)

  it('neither lose nor duplicate facts if Redis restarts empty during a model call', async () => {
    await using backends = await startBackends([{ answer: memoryModel(TABLE), latencyMs: 1500 }])
    const one = await backends.local()
    const other = await backends.sidecar()
    for (const turn of [1, 2, 3, 4, 5]) await say(turn % 2 ? one : other, turn)
    await flush(one, false)
    await eventually(
      async () => backends.batches().length,
      (count) => count >= 1,
    )
    await backends.redis.kill()
    await backends.redis.start()
    await eventually(
      async () =>
        (await Promise.all([one, other].map((sidecar) => sidecar.call('GET', '/readyz')))).map(
          (r) => r.status,
        ),
      (states) => states.every((status) => status === 200),
    )
    await eventually(
      async () => {
        await flush(other)
        return await waitingOf(other)
      },
      (turns) => turns.length === 0,
      60_000,
    )
    expect(await textsOf(one)).toEqual(KNOWN)
    expect(await additionsOf(one)).toEqual([1, 1, 1, 1])
  }, 120_000)
})
