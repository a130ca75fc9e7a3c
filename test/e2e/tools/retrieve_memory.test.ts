import { describe, expect, it } from 'vitest'
import { type Invocation, runNode, useStub } from '../../helpers/tools/run-tool.ts'
import { json, refusal, type Script } from '../../helpers/tools/stub-sidecar.ts'

const FOUND = {
  status: 'ok',
  strategy: 'per_query',
  engine: 'sqlite',
  context: '- Lives in Lisbon',
  block: '',
  delta: '- Lives in Lisbon',
  memories: [
    {
      ...{ id: 'm1', memory: 'Lives in Lisbon', content: 'Lives in Lisbon', score: 0.9, role: 'user' },
      ...{ speaker: null, conversation_id: 'c0', turn: 2, at: '2026-03-01T00:00:00Z' },
    },
    { id: 'm2', memory: 'Only the older field', score: 0.1 },
  ],
  count: 2,
  cache: { result: 'none', reason: 'disabled', age_turns: null, serves_until_turn: null, block_hash: null },
  took_ms: { total: 1.8, embed: 0.2, search: 1.1, render: 0.5 },
  tokens: 7,
}

const stub = await useStub(json(200, FOUND))
const retrieve = (parameters: Record<string, unknown>, more: Invocation = {}) =>
  runNode(stub, 'retrieve_memory', parameters, more)

const sent = () => stub.calls[0]?.body

describe('retrieve_memory', () => {
  it('fills every output from the answer', async () => {
    const outcome = await retrieve({ query: 'Where do I live?', user_id: 'u1' })
    expect(outcome.variables).toEqual({
      context: '- Lives in Lisbon',
      block: '',
      delta: '- Lives in Lisbon\n\n',
      memories: [
        {
          ...{ id: 'm1', content: 'Lives in Lisbon', score: 0.9, role: 'user' },
          ...{ conversation_id: 'c0', turn: 2, at: '2026-03-01T00:00:00Z' },
        },
        { id: 'm2', content: 'Only the older field', score: 0.1 },
      ],
      count: 2,
      status: 'ok',
      strategy: 'per_query',
      cache: 'none',
      reason: 'disabled',
      age_turns: -1,
      arm: '',
      took_ms: 1.8,
      user_id: 'u1',
      error: '',
    })
    expect(outcome.text).toBe('Found 2 memories.')
    expect(outcome.json[0]).toMatchObject({
      engine: 'sqlite',
      tokens: 7,
      cache: FOUND.cache,
      took_ms: { total: 1.8, embed: 0.2, search: 1.1, render: 0.5, round_trip: expect.any(Number) },
    })
  })

  it('sends the defaults', async () => {
    const unset = {
      strategy: '',
      window_size: null,
      top_k: '',
      freshness: '',
      refresh_on_shift: '',
      experiment: '',
      filters: '',
      turn: '',
    }
    await retrieve({ query: 'q', user_id: 'u1', ...unset })
    expect(stub.calls[0]).toMatchObject({ method: 'POST', path: '/v1/recall' })
    const defaults = { strategy: 'auto', window_size: 10, top_k: 10, token_budget: 1500 }
    expect(sent()).toEqual({ query: 'q', user_id: 'u1', ...defaults })
  })

  it.each([
    ['7', 7],
    [' 7 ', 7],
    ['sys.dialogue_count', undefined],
  ])('sends the turn %j, as a text field renders it, as %j', async (turn, expected) => {
    await retrieve({ query: 'q', user_id: 'u1', conversation_id: 'c1', turn })
    expect((sent() as { turn?: number }).turn).toBe(expected)
  })

  it('sends the parts of the context to include, and refuses unknown ones', async () => {
    const summary = { ...FOUND, context: 'Summary', memories: [], count: 0 }
    stub.script = json(200, summary)
    const outcome = await retrieve({ query: 'q', user_id: 'u1', include: 'profile, relations、summary' })
    expect(sent()).toMatchObject({ include: ['profile', 'relations', 'summary'] })
    expect(outcome.variables).toMatchObject({ context: 'Summary', count: 0, status: 'ok' })
    expect(outcome.text).toBe('Found 0 memories.')
    const refused = await retrieve({ query: 'q', user_id: 'u1', include: 'profile, weather' })
    expect(refused.variables['error']).toBe(
      'include: expected memories, profile, entities, relations, summary, separated by commas, got "profile, weather".',
    )
  })

  it('sends every bound parameter', async () => {
    const options = {
      strategy: 'per_query',
      window_size: 0,
      top_k: 100,
      token_budget: 300,
      freshness: 'write',
      refresh_on_shift: 0.25,
    }
    await retrieve({
      ...{ query: 'q', user_id: 'u1', conversation_id: 'c1', turn: 7, agent_id: 'a1', experiment: 'e' },
      ...options,
      filters: { channel: { eq: 'web' } },
    })
    expect(sent()).toEqual({
      ...{ query: 'q', user_id: 'u1', conversation_id: 'c1', turn: 7, agent_id: 'a1', experiment: 'e' },
      ...options,
      filters: { channel: { eq: 'web' } },
    })
  })

  it('reads refresh_on_shift as a number or text from 0 to 1', async () => {
    await retrieve({ query: 'q', user_id: 'u1', refresh_on_shift: '0.3' })
    expect(sent()).toMatchObject({ refresh_on_shift: 0.3 })
    for (const refresh_on_shift of [-0.1, 1.1, 'often']) {
      const { variables } = await retrieve({ query: 'q', user_id: 'u1', refresh_on_shift })
      expect(variables).toMatchObject({
        ...{ status: 'error', error: expect.stringContaining('refresh_on_shift') },
      })
      expect(variables['error']).toContain('a number from 0 to 1')
    }
  })

  it.each(['auto', 'per_query', 'cached', 'cached_delta', 'experiment'])(
    'sends the strategy %s',
    async (strategy) => {
      await retrieve({ query: 'q', user_id: 'u1', strategy })
      expect(sent()).toMatchObject({ strategy })
    },
  )

  it('reports a cached block, its age and the experiment arm', async () => {
    const cache = { result: 'hit', reason: 'hit', age_turns: 0, serves_until_turn: 12, block_hash: 'abc' }
    stub.script = json(200, { ...FOUND, cache, experiment: { name: 'e', arm: 'cached' } })
    const { variables } = await retrieve({ query: 'q', user_id: 'u1' })
    expect(variables).toMatchObject({ cache: 'hit', reason: 'hit', age_turns: 0, arm: 'cached' })
  })

  it.each([
    [{ status: 'empty', context: '', memories: [], count: 0 }, 'No memory matches.'],
    [{ status: 'degraded' }, 'Found 2 memories; the answer is older or incomplete.'],
  ])('passes the status of %j on', async (change, text) => {
    stub.script = json(200, { ...FOUND, ...change })
    const outcome = await retrieve({ query: 'q', user_id: 'u1' })
    expect(outcome.variables['status']).toBe(change.status)
    expect(outcome.text).toBe(text)
  })

  it('returns empty for a blank query and does not call the sidecar', async () => {
    const { variables } = await retrieve({ query: ' ', user_id: 'u1' })
    expect(variables).toMatchObject({ status: 'empty', context: '', error: '' })
    expect(stub.calls).toHaveLength(0)
  })

  it.each([
    [{ window_size: 501 }, 'window_size: expected an integer from 0 to 500, got 501.'],
    [{ top_k: 0 }, 'top_k: expected an integer from 1 to 100, got 0.'],
    [{ filters: '{"channel": ' }, /^filters: expected a JSON object, got/],
    [{ filters: 'no', top_k: 0 }, /top_k: expected.*filters: expected/],
  ])('rejects %j with an error that names the parameter', async (wrong, message) => {
    const { variables } = await retrieve({ query: 'q', user_id: 'u1', ...wrong })
    expect(variables).toMatchObject({ status: 'error', context: '', error: expect.stringMatching(message) })
    expect(stub.calls).toHaveLength(0)
  })

  it('does not search when the filter is invalid', async () => {
    await retrieve({ query: 'q', user_id: 'u1', filters: "{'user': 'x'}" })
    expect(stub.calls).toHaveLength(0)
  })
})

describe('retrieve_memory with an embedding model', () => {
  const parameters = {
    ...{ query: 'Where do I live?', user_id: 'u1' },
    embedding_model: { provider: 'langgenius/openai/openai', model: 'e5', model_type: 'text-embedding' },
  }
  /** A sidecar that answers the first call for model requests, and keeps the next one waiting until the client ends it. */
  const sidecar = (first: Script): Script => {
    let endWait = () => {}
    return (call, response, request) => {
      if (call.path !== '/v1/model-requests') return json(200, FOUND)(call, response, request)
      const nothing = json(200, { enabled: true, embedding: null, request: null })
      const polls = stub.calls.filter(({ path }) => path === call.path)
      if (polls.length === 1) return first(call, response, request)
      if ((call.body as { takes: string[] }).takes.length > 0) {
        endWait = () => nothing(call, response, request)
      } else {
        endWait()
        nothing(call, response, request)
      }
    }
  }
  const polled = (model: string | null, enabled = true) => {
    const embedding = model === null ? null : { model, dimensions: 2 }
    return sidecar(json(200, { enabled, embedding, accepted: null, request: null }))
  }
  const paths = () => stub.calls.map(({ path }) => path)

  it('announces itself before the recall, and ends the wait for requests after it', async () => {
    stub.script = polled('e5')
    expect((await retrieve(parameters)).variables).toMatchObject({ status: 'ok', error: '' })
    expect(paths()[0]).toBe('/v1/model-requests')
    expect(paths().filter((path) => path === '/v1/recall')).toHaveLength(1)
    const client = expect.any(String)
    const asked = { user_id: 'u1', client, takes: ['query'], embedding_model: 'e5', expected: true }
    expect(stub.calls[0]?.body).toEqual({ ...asked, wait_ms: 0 })
    expect(stub.calls.at(-1)?.body).toEqual({ user_id: 'u1', client, takes: [] })
  })

  it.each([
    ['with other embeddings', polled(null, false)],
    ['that is older', sidecar(refusal(400, 'invalid_request', 'takes: unknown field'))],
  ])('asks a sidecar %s once', async (_, script) => {
    stub.script = script
    expect((await retrieve(parameters)).variables).toMatchObject({ status: 'ok', error: '' })
    expect(paths()).toEqual(['/v1/model-requests', '/v1/recall'])
  })

  it('reports that the sidecar has another model, which it does not use', async () => {
    stub.script = polled('bge-m3', false)
    const { variables, text } = await retrieve(parameters)
    const error = expect.stringMatching(/^Embedding model: expected bge-m3, .*got e5, which is not used/)
    expect(variables).toMatchObject({ status: 'ok', count: 2, error })
    expect(text).toContain('Choose bge-m3 in the node.')
    expect(paths()).toEqual(['/v1/model-requests', '/v1/recall'])
  })
})
