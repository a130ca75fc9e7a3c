import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NodeError } from '../../../tools/shared/failure.ts'
import { StoredQueue } from '../../../tools/shared/outbox/stored-queue.ts'
import { MAX_BYTES, MAX_TURNS, type QueuedTurn, TurnQueue } from '../../../tools/shared/outbox/turn-queue.ts'
import { createFakeDify } from '../../helpers/plugin-sdk/fake-daemon/fake-dify.ts'
import { type Invocation, runNode, useStub } from '../../helpers/tools/run-tool.ts'
import { hangUp, json, raw, refusal, type Script } from '../../helpers/tools/stub-sidecar.ts'

const STORED: Script = json(200, { status: 'stored', turn_id: 't' })
const AWAY: Script = refusal(503, 'backend_unavailable', 'the store is down')
const stub = await useStub(STORED)

/** A sidecar of its own, because queues are per address. */
function sidecar(dify = createFakeDify()) {
  const sidecar_url = `${stub.url}/${crypto.randomUUID()}`
  return {
    dify,
    say: async (user: string, turn: number | undefined, more: Invocation = {}) => {
      const parameters = { user, user_id: 'u1', conversation_id: 'c1', turn, ...more.parameters }
      return await runNode(stub, 'add_memory', parameters, { dify, ...more, credentials: { sidecar_url } })
    },
    /** What the sidecar got, as message and idempotency key. */
    got: () =>
      stub.calls.map(({ body, headers }) => {
        const [message] = (body as { messages: { content: string; at?: string }[] }).messages
        return { said: message?.content, at: message?.at, key: headers['idempotency-key'] }
      }),
  }
}

/** The turns in the storage of the plugin. */
const storedIn = ({ stored }: ReturnType<typeof createFakeDify>) =>
  stored
    .values()
    .toArray()
    .flatMap((hex) => JSON.parse(Buffer.from(hex, 'hex').toString()).turns as QueuedTurn[])

describe('Add Memory while the sidecar is away', () => {
  it('queues turns, and delivers them in order and once with the next turn', async () => {
    const { say, got, dify } = sidecar()
    stub.script = AWAY
    const first = await say('one', 1)
    expect(first.variables).toMatchObject({
      status: 'queued',
      error: expect.stringMatching(/the store is down.* The turn is queued and is delivered when .* back\.$/),
    })
    expect(first.json[0]).toMatchObject({ queued_turns: 1 })
    await say('two', 2)
    expect(storedIn(dify)).toHaveLength(2)
    stub.calls.length = 0
    stub.script = STORED
    const third = await say('three', 3)
    expect(third.variables).toMatchObject({ status: 'stored', error: '' })
    expect(got().map(({ said }) => said)).toEqual(['one', 'two', 'three'])
    expect(storedIn(dify)).toEqual([])
    stub.calls.length = 0
    await say('four', 4)
    expect(got().map(({ said }) => said)).toEqual(['four'])
  })

  it.each<[string, Script]>([
    ['the connection breaks', hangUp],
    ['a proxy has no sidecar', raw(502, 'text/html', 'Bad Gateway')],
    ['the queue of pending turns is full', refusal(429, 'too_many_pending', 'full')],
  ])('queues when %s, and repeats the idempotency key with the time of the turn', async (_, script) => {
    const { say, got } = sidecar()
    stub.script = script
    expect((await say('one', undefined)).variables['status']).toBe('queued')
    const key = got()[0]?.key
    stub.calls.length = 0
    stub.script = STORED
    await say('two', undefined)
    expect(got()[0]).toEqual({ said: 'one', key, at: expect.stringMatching(/^\d{4}-.*Z$/) })
    expect(got()[1]?.key).not.toBe(key)
  })

  it('keeps queued turns while another server answers in place of the sidecar', async () => {
    const { say, got } = sidecar()
    for (const script of [AWAY, json(200, { ok: true }), raw(404, 'text/html', 'gone'), hangUp]) {
      stub.script = script
      expect((await say(String(stub.calls.length), stub.calls.length)).variables['status']).toBe('queued')
    }
    stub.calls.length = 0
    stub.script = STORED
    await say('last', 99)
    expect(got()).toHaveLength(5)
  })

  it('reports a turn that the sidecar rejects, and delivers the others', async () => {
    const { say, got } = sidecar()
    stub.script = AWAY
    await say('one', 1)
    stub.script = (call, ...rest) =>
      (call.text.includes('bad') ? refusal(400, 'invalid_request', 'metadata') : STORED)(call, ...rest)
    stub.calls.length = 0
    const bad = await say('bad', 2)
    expect(bad.variables).toMatchObject({ status: 'error', error: expect.stringContaining('metadata') })
    await say('three', 3)
    expect(got().map(({ said }) => said)).toEqual(['one', 'bad', 'three'])
  })

  it('does not queue what the sidecar refuses, nor with a wrong key', async () => {
    const { say, dify } = sidecar()
    for (const [status, code] of [
      [400, 'invalid_request'],
      [401, 'unauthorized'],
    ] as const) {
      stub.script = refusal(status, code, 'no')
      expect((await say('one', 1)).variables['status']).toBe('error')
    }
    expect(storedIn(dify)).toEqual([])
  })

  it('says so when Dify does not permit storage', async () => {
    const { say, dify } = sidecar()
    dify.permissions.storage = false
    stub.script = AWAY
    expect((await say('one', 1)).variables['error']).toMatch(/Only this plugin process holds it/)
  })
})

describe('a queue', () => {
  const turn = (id: number, text = 'x'): QueuedTurn => ({ id: String(id), body: { messages: [text] } })

  function subject(send: (turn: QueuedTurn) => Promise<Record<string, unknown>>) {
    const reports: string[] = []
    const timers: { ms: number; run: () => void }[] = []
    const queue = new TurnQueue({
      send,
      report: (message) => reports.push(message),
      setTimeout: (run, ms) => {
        timers.push({ ms, run })
        return {}
      },
    })
    return { queue, reports, timers }
  }

  it('drops the oldest turns above its bounds, and reports that', () => {
    const { queue, reports } = subject(async () => ({}))
    const dropped = Array.from({ length: MAX_TURNS + 2 }, (_, i) => queue.add(turn(i)))
    expect(dropped.reduce((sum, one) => sum + one)).toBe(2)
    expect(queue.turns[0]?.id).toBe('2')
    queue.add(turn(-1, 'x'.repeat(MAX_BYTES - 100)))
    expect(queue.size).toBeLessThan(3)
    expect(reports.at(-1)).toMatch(
      /^the queue exceeds 1000 turns or 1048576 bytes: \d+ oldest turns dropped$/,
    )
  })

  it('counts as stored when a turn is delivered while the queue is written', async () => {
    const { queue } = subject(async () => ({}))
    for (const id of [1, 2]) queue.add(turn(id))
    const storage = {
      get: async () => undefined,
      set: async () => void (await queue.deliver('2', 1000)),
      delete: async () => {},
    }
    const stored = new StoredQueue(queue, 'key', () => {})
    expect(await stored.sync(storage)).toBe(true)
    expect(queue.size).toBe(0)
  })

  it('tries again in the background after 5, 10, 20, 40 and then 60 seconds', async () => {
    let isUp = false
    const { queue, timers } = subject(async () => {
      if (isUp) return {}
      throw new NodeError('away', { isAway: true })
    })
    queue.add(turn(1))
    queue.retryLater()
    for (let i = 0; i < 5; i++) {
      timers.at(-1)?.run()
      await new Promise(setImmediate)
    }
    expect(timers.map(({ ms }) => ms / 1000)).toEqual([5, 10, 20, 40, 60, 60])
    isUp = true
    timers.at(-1)?.run()
    await new Promise(setImmediate)
    expect(queue.size).toBe(0)
    expect(timers).toHaveLength(6)
  })

  it('delivers every turn once and in order, whatever fails in between', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ isUp: fc.boolean(), turns: fc.nat(3) }), { maxLength: 12 }),
        async (steps) => {
          const delivered: string[] = []
          let isUp = true
          const { queue } = subject(async ({ id }) => {
            await Promise.resolve()
            if (!isUp) throw new NodeError('away', { isAway: true })
            delivered.push(id)
            return {}
          })
          let added = 0
          for (const step of [...steps, { isUp: true, turns: 1 }]) {
            isUp = step.isUp
            const calls = Array.from({ length: step.turns }, async () => {
              const id = added++
              queue.add(turn(id))
              return await queue.deliver(String(id), 60_000)
            })
            const results = await Promise.all(calls)
            for (const result of results) expect(result).toEqual(isUp ? { answer: {} } : expect.anything())
          }
          expect(delivered).toEqual(Array.from({ length: added }, (_, i) => String(i)))
        },
      ),
      { numRuns: 60 },
    )
  })
})
