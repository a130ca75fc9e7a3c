import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type SidecarProcess, startSidecar } from '../../../bench/lib/sidecar-process.ts'
import { runTool, validate } from '../../helpers/tools/run-tool.ts'

const KEY = 'a-key-of-this-test-0123456789'

/** The tools against a sidecar as `npm start` runs it: both sides agree on every field. */
let sidecar: SidecarProcess | undefined
let credentials: Record<string, unknown>
beforeAll(async () => {
  sidecar = await startSidecar({ API_KEYS: `main:${KEY}` })
  credentials = { sidecar_url: `${sidecar.url}/v1/`, api_key: KEY }
})
afterAll(() => sidecar?.[Symbol.asyncDispose]())

describe('the tools', () => {
  it('accept every declared parameter', async () => {
    const place = { conversation_id: 'c9', turn: 1 }
    const calls: Record<string, Record<string, unknown>> = {
      add_memory: {
        ...{
          user: 'I like sushi.',
          assistant: 'Noted.',
          user_id: 'u',
          ...place,
          mode: 'verbatim',
          remember: 'both',
        },
        ...{
          user_name: 'Ada',
          assistant_name: 'Bot',
          at: '2026-03-01',
          metadata: '{"channel":"web"}',
          agent_id: 'a',
        },
      },
      retrieve_memory: {
        ...{
          query: 'sushi',
          user_id: 'u',
          conversation_id: 'c10',
          turn: 1,
          strategy: 'per_query',
          window_size: 10,
        },
        ...{
          top_k: 3,
          token_budget: 500,
          freshness: 'window',
          filters: '{"metadata.channel":"web"}',
          agent_id: 'a',
        },
      },
      cache_set: { key: 'a/../b ?%é', value: '{"x":1}', ttl_s: 60, ...place, window_size: 10 },
      cache_get: { key: 'a/../b ?%é', ...place, window_size: 10 },
    }
    const outcomes: Record<string, Record<string, unknown>> = {}
    for (const [tool, parameters] of Object.entries(calls))
      outcomes[tool] = (await runTool({ tool, parameters, credentials, appId: 'app' })).variables
    expect(outcomes).toMatchObject({
      add_memory: { status: 'stored', pending_turns: 0, error: '' },
      retrieve_memory: { status: 'ok', context: expect.stringContaining('sushi'), error: '' },
      cache_set: { status: 'stored', error: '' },
      cache_get: { status: 'hit', value: '{"x":1}', value_json: { x: 1 }, age_turns: 0, error: '' },
    })
  })

  it('list, update and delete a memory, and show its history', async () => {
    const user_id = 'lister'
    const call = async (tool: string, parameters: object) =>
      (await runTool({ tool, parameters: { user_id, ...parameters }, credentials })).variables
    const from = { conversation_id: 'c1', agent_id: 'a' }
    await call('add_memory', { user: 'I live in Lisbon.', turn: 1, ...from })
    await call('add_memory', { user: 'My cat is called Tom.', turn: 2, ...from })

    const first = await call('list_memories', { limit: 1, order: 'oldest', ...from })
    expect(first).toMatchObject({ status: 'ok', count: 1, error: '' })
    expect(first['context']).toContain(': I live in Lisbon.\n</memories>')
    const next = await call('list_memories', {
      limit: 1,
      order: 'oldest',
      cursor: first['next_cursor'],
      ...from,
    })
    expect(next['context']).toContain('Tom')
    for (const other of [
      { agent_id: 'b' },
      { run_id: 'r' },
      { conversation_id: 'c2' },
      { as_of: '2001-01-01' },
    ])
      expect(await call('list_memories', other), JSON.stringify(other)).toMatchObject({ status: 'empty' })

    const [{ id: memory_id }] = z.tuple([z.looseObject({ id: z.string() })]).parse(first['memories'])
    const change = { memory: 'Lives in Porto.', topic: 'home', importance: 4, metadata: '{"channel":"web"}' }
    for (const [status, version] of [
      ['updated', 2],
      ['unchanged', 2],
    ])
      expect(await call('update_memory', { memory_id, expires_at: '2099-01-01', ...change })).toEqual({
        ...{ status, memory: 'Lives in Porto.', version, user_id, error: '' },
      })
    expect(await call('update_memory', { memory_id, expires_at: 'never' })).toMatchObject({
      status: 'updated',
    })
    expect(await call('delete_memory', { memory_id, user_id: 'somebody else' })).toMatchObject({
      status: 'absent',
    })
    expect(await call('delete_memory', { memory_id })).toMatchObject({
      status: 'deleted',
      memory: 'Lives in Porto.',
    })
    expect(await call('delete_memory', { memory_id })).toMatchObject({ status: 'absent', error: '' })

    const { status, history } = await call('memory_history', { memory_id })
    expect(status).toBe('ok')
    const lines = z.array(z.looseObject({ content: z.string() })).parse(history)
    expect(lines.map(({ content }) => content.replace(/^\[\d{4}-\d\d-\d\d\] /, ''))).toEqual([
      'added: "I live in Lisbon."',
      'changed from "I live in Lisbon." to "Lives in Porto."',
      'details changed, text unchanged: "Lives in Porto."',
      'deleted: "Lives in Porto."',
    ])
    expect(await call('memory_history', { memory_id: 'nobody' })).toMatchObject({
      status: 'empty',
      error: '',
    })
  })

  it('return the profile of a user, and flush pending turns', async () => {
    const call = async (tool: string, parameters: object) =>
      (await runTool({ tool, parameters: { user_id: 'known', ...parameters }, credentials })).variables
    expect(await call('profile', {})).toMatchObject({ status: 'empty', count: 0, context: '', error: '' })
    await call('add_memory', { user: 'I live in Lisbon.', agent_id: 'a' })
    const known = await call('profile', { token_budget: 500, agent_id: 'a' })
    expect(known).toMatchObject({ status: 'ok', count: 1, error: '' })
    expect(known['context']).toMatch(/\n# said\n- \[[\d-]+\] I live in Lisbon\.\n<\/memories>$/)
    expect(known['profile']).toMatchObject({ topics: [{ topic: 'said' }], static: [], recent: [{}] })
    expect(await call('profile', { topics: 'work' })).toMatchObject({ status: 'empty' })
    // No language model: nothing waits.
    const flushed = {
      status: 'flushed',
      events: 0,
      pending_turns: 0,
      reason: '',
      user_id: 'known',
      error: '',
    }
    expect(await call('flush_memory', { conversation_id: 'c' })).toEqual(flushed)
    expect(await call('flush_memory', { wait: false })).toEqual({ ...flushed, status: 'started' })
  })

  it("repeat the sidecar's error messages", async () => {
    const parameters = { query: 'q', user_id: 'u', filters: '{"channel":"web"}' }
    const { variables } = await runTool({ tool: 'retrieve_memory', parameters, credentials })
    expect(variables).toMatchObject({
      status: 'error',
      error: expect.stringMatching(/The sidecar says: filters/),
    })
  })
})

it('the credential check accepts a valid key and rejects a wrong and a missing one', async () => {
  expect((await validate(credentials)).error).toBeUndefined()
  expect((await validate({ ...credentials, api_key: 'wrong' })).error?.message).toMatch(
    /does not accept this API key/,
  )
  expect((await validate({ ...credentials, api_key: '' })).error?.message).toMatch(/needs an API key/)
})
