import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readExample } from '../../helpers/examples/dsl.ts'
import { runFlow } from '../../helpers/examples/run-flow.ts'
import { runTool } from '../../helpers/tools/run-tool.ts'
import {
  deadUrl,
  json,
  type Received,
  refusal,
  type StubSidecar,
  startStub,
} from '../../helpers/tools/stub-sidecar.ts'

const FILES = ['per-query.yml', 'cached.yml', 'cached-node.yml', 'cached-delta.yml']

interface CacheEntry {
  value: unknown
  turn: number
}

/**
 * A minimal sidecar: recall returns the turns of a user outside the given window, and the cache applies the window
 * rule.
 */
function memorySidecar() {
  const turns = new Map<string, number>()
  const cache = new Map<string, CacheEntry>()
  const state = { degraded: false, turns, cache }
  const answer = ({ method, path, query, body }: Received): object => {
    const given = body as Record<string, unknown>
    if (path === '/v1/memories') {
      turns.set(`${given['user_id']}/${given['conversation_id']}/${given['turn']}`, Number(given['turn']))
      return { status: 'stored', turn_id: 't', events: [], pending: { turns: 0, tokens: 0 } }
    }
    if (path === '/v1/recall') {
      const shown = Number(given['turn']) - Math.max(1, Number(given['window_size']))
      const memories = [...turns].flatMap(([id, turn]) => {
        const here = id.startsWith(`${given['user_id']}/${given['conversation_id']}/`)
        const visible = id.startsWith(`${given['user_id']}/`) && (!here || turn <= shown)
        return visible ? [{ content: `[${id}]` }] : []
      })
      const context = memories.map(({ content }) => content).join('\n')
      const status = memories.length > 0 ? 'ok' : 'empty'
      // With cached_delta, the first half is the block.
      const held = given['strategy'] === 'cached_delta' ? Math.ceil(memories.length / 2) : 0
      const [block, delta] = [memories.slice(0, held), memories.slice(held)].map((part) =>
        part.map(({ content }) => content).join('\n'),
      )
      return { status: state.degraded ? 'degraded' : status, context, block, delta, memories }
    }
    if (method === 'PUT') {
      cache.set(path, { value: given['value'], turn: Number(given['turn']) })
      return { status: 'stored' }
    }
    const entry = cache.get(path)
    if (!entry) return { status: 'miss', value: null }
    const fits = Number(query['turn']) <= entry.turn - 1 + Number(query['window_size'])
    return {
      status: fits ? 'hit' : 'stale',
      value: entry.value,
      age_turns: Number(query['turn']) - entry.turn,
    }
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
    {
      callTool: (tool, parameters, turn) =>
        runTool({
          ...{ tool, parameters, credentials: { sidecar_url: url }, userId: 'internal-end-user-id' },
          conversationId: turn.conversation_id,
        }),
      model: () => `answer ${dialogue_count}`,
    },
  )

describe('per-query.yml', () => {
  it('inserts memory into the prompt and stores message and turn with their user, conversation and number', async () => {
    await play('per-query.yml', 1, { conversation: 'c0' })
    stub.calls.length = 0
    const { prompt, answer, ran } = await play('per-query.yml', 3)
    expect(ran).toEqual(['start', 'save_message', 'retrieve', 'llm', 'save', 'answer'])
    expect(prompt).toContain('[ada/c0/1]')
    expect(answer).toBe('answer 3')
    const place = { user_id: 'ada', conversation_id: 'c1', turn: 3 }
    const said = { role: 'user', content: 'question 3' }
    const [first, second, last] = stub.calls.map(({ body }) => body)
    expect([first, second]).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ ...place, messages: [said] }),
        expect.objectContaining({ query: 'question 3', window_size: 10, ...place }),
      ]),
    )
    expect(last).toMatchObject({ ...place, messages: [said, { role: 'assistant', content: 'answer 3' }] })
  })
})

describe('cached-delta.yml', () => {
  it('inserts the block into the system prompt and the delta before the question', async () => {
    await play('cached-delta.yml', 1, { conversation: 'c0' })
    await play('cached-delta.yml', 2, { conversation: 'c0' })
    const { prompt, question } = await play('cached-delta.yml', 1)
    expect(prompt).toContain('[ada/c0/1]')
    expect(prompt).not.toContain('[ada/c0/2]')
    expect(question).toBe('[ada/c0/2]\n\nquestion 1')
  })
})

describe('cached.yml', () => {
  it('retrieves once in ten turns', async () => {
    const retrieved: number[] = []
    for (let turn = 1; turn <= 25; turn++) {
      if ((await play('cached.yml', turn)).ran.includes('retrieve')) retrieved.push(turn)
    }
    // At the first turn there is nothing to cache yet.
    expect(retrieved).toEqual([1, 2, 12, 22])
  })

  it('serves a regenerated answer from the cache and replaces the turn', async () => {
    await play('cached.yml', 1)
    await play('cached.yml', 2)
    expect((await play('cached.yml', 2)).ran).not.toContain('retrieve')
    expect(sidecar.state.turns.size).toBe(2)
  })

  it('separates users and conversations', async () => {
    for (const turn of [1, 2]) await play('cached.yml', turn)
    const others = [
      await play('cached.yml', 3, { user: 'bob' }),
      await play('cached.yml', 3, { conversation: 'c2' }),
    ]
    for (const { ran } of others) expect(ran).toContain('retrieve')
    expect(others[0]?.prompt).not.toContain('[ada')
  })

  it('does not cache a degraded answer', async () => {
    await play('cached.yml', 1)
    sidecar.state.degraded = true
    expect((await play('cached.yml', 2)).ran).not.toContain('cache_set')
    sidecar.state.degraded = false
    expect((await play('cached.yml', 3)).ran).toContain('cache_set')
  })
})

describe.each(FILES)('%s', (file) => {
  it('answers without memory and without variable names when the sidecar is down', async () => {
    const { answer, prompt, question, pool, ran } = await play(file, 2, { url: await deadUrl() })
    expect(answer).toBe('answer 2')
    expect(prompt + question).not.toMatch(/\w+\.(context|block|delta|value|output)/)
    expect(prompt.trimEnd()).toMatch(/instructions:$/)
    expect(ran).not.toContain('cache_set')
    expect(pool.get('retrieve')).toMatchObject({ status: 'error', context: '' })
  })

  it('answers when the sidecar rejects the key', async () => {
    stub.script = refusal(401, 'unauthorized', 'no')
    expect((await play(file, 2)).answer).toBe('answer 2')
  })
})
