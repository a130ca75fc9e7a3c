import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { deadUrl, json, type Received, refusal, type StubSidecar, startStub } from '../tools/stub-sidecar.ts'
import { readExample } from './dsl.ts'
import { runFlow } from './run-flow.ts'

interface Kept {
  value: unknown
  turn: number
}

/** A sidecar in a few lines: it recalls how many turns it knows, and its cache follows the window rule. */
function memorySidecar() {
  const turns = new Map<string, string>()
  const cache = new Map<string, Kept>()
  const state = { recall: 'ok', turns, cache }
  const answer = ({ method, path, query, body }: Received): object => {
    const given = body as Record<string, unknown>
    if (path === '/v1/memories') {
      turns.set(`${given['conversation_id']}/${given['turn']}`, JSON.stringify(given['messages']))
      return { status: 'stored', turn_id: 't', events: [], pending: { turns: 0, tokens: 0 } }
    }
    if (path === '/v1/recall') {
      const context = state.recall === 'empty' ? '' : `knows ${turns.size} turns of ${given['user_id']}`
      return { status: state.recall, context, memories: [{ content: context }] }
    }
    if (method === 'PUT') {
      cache.set(path, { value: given['value'], turn: Number(given['turn']) })
      return { status: 'stored' }
    }
    const kept = cache.get(path)
    if (!kept) return { status: 'miss', value: null }
    const fits = Number(query['turn']) <= kept.turn - 1 + Number(query['window_size'])
    return { status: fits ? 'hit' : 'stale', value: kept.value, age_turns: Number(query['turn']) - kept.turn }
  }
  return {
    state,
    script: (...args: Parameters<ReturnType<typeof json>>) => json(200, answer(args[0]))(...args),
  }
}

let stub: StubSidecar
let sidecar: ReturnType<typeof memorySidecar>
beforeAll(async () => {
  stub = await startStub()
})
afterAll(() => stub[Symbol.asyncDispose]())
beforeEach(() => {
  stub.calls.length = 0
  sidecar = memorySidecar()
  stub.script = sidecar.script
})

const play = (
  file: string,
  dialogue_count: number,
  { user = 'ada', conversation = 'c1', url = stub.url } = {},
) =>
  runFlow(
    readExample(file),
    { query: `question ${dialogue_count}`, user_id: user, conversation_id: conversation, dialogue_count },
    { sidecar_url: url },
    () => `answer ${dialogue_count}`,
  )

describe('per-query.yml', () => {
  it('puts memory into the prompt, answers, and stores the turn under the right user, conversation and number', async () => {
    const { prompt, answer, ran } = await play('per-query.yml', 3)
    expect(ran).toEqual(['start', 'retrieve', 'llm', 'save', 'answer'])
    expect(prompt).toContain('knows 0 turns of ada')
    expect(answer).toBe('answer 3')
    expect(stub.calls.map(({ body }) => body)).toEqual([
      expect.objectContaining({
        query: 'question 3',
        user_id: 'ada',
        conversation_id: 'c1',
        turn: 3,
        window_size: 10,
      }),
      expect.objectContaining({
        ...{ user_id: 'ada', conversation_id: 'c1', turn: 3 },
        messages: [
          { role: 'user', content: 'question 3' },
          { role: 'assistant', content: 'answer 3' },
        ],
      }),
    ])
  })
})

describe('cached.yml', () => {
  it('retrieves at turns 1, 11 and 21, and serves the kept block in between', async () => {
    const retrieved: number[] = []
    for (let turn = 1; turn <= 25; turn++) {
      const { ran, prompt } = await play('cached.yml', turn)
      if (ran.includes('retrieve')) retrieved.push(turn)
      // Built at the turn of the last refresh, when all earlier turns were known.
      expect(prompt).toContain(`knows ${(retrieved.at(-1) ?? 0) - 1} turns of ada`)
    }
    expect(retrieved).toEqual([1, 11, 21])
  })

  it('serves a regenerated answer from the cache', async () => {
    await play('cached.yml', 1)
    const again = await play('cached.yml', 1)
    expect(again.ran).not.toContain('retrieve')
    expect(sidecar.state.turns.size).toBe(1)
  })

  it('keeps users and conversations apart', async () => {
    await play('cached.yml', 1)
    const others = [
      await play('cached.yml', 2, { user: 'bob' }),
      await play('cached.yml', 2, { conversation: 'c2' }),
    ]
    for (const { ran } of others) expect(ran).toContain('retrieve')
    expect(sidecar.state.cache.size).toBe(3)
  })

  it.each(['empty', 'degraded'])('does not keep a block that is %s', async (status) => {
    sidecar.state.recall = status
    expect((await play('cached.yml', 1)).ran).not.toContain('cache_set')
    sidecar.state.recall = 'ok'
    expect((await play('cached.yml', 2)).prompt).toContain('knows 1 turns of ada')
  })
})

describe.each(['per-query.yml', 'cached.yml'])('%s', (file) => {
  it('answers without memory while the sidecar is away, and prints no variable names', async () => {
    const { answer, prompt, pool, ran } = await play(file, 2, { url: await deadUrl() })
    expect(answer).toBe('answer 2')
    expect(prompt).not.toMatch(/\w+\.(context|value|output)/)
    expect(prompt.trimEnd()).toMatch(/instructions:$/)
    expect(ran).not.toContain('cache_set')
    expect(pool.get('retrieve')).toMatchObject({ status: 'error', context: '' })
  })

  it('answers while the sidecar refuses the key', async () => {
    stub.script = refusal(401, 'unauthorized', 'no')
    expect((await play(file, 2)).answer).toBe('answer 2')
  })
})
