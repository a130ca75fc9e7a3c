import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sha256Of } from '../../../sidecar/http/access/api-keys.ts'
import type { RecordStore } from '../../../sidecar/ports/records.ts'
import { type TestAppOptions, testApp } from '../../helpers/test-app.ts'

const KEYS = { ada: 'the-key-of-ada-ada', team: 'the-key-of-the-team' }
const apiKeys = Object.entries(KEYS).map(([namespace, key]) => ({ namespace, sha256: sha256Of(key) }))

// biome-ignore lint/suspicious/noExplicitAny: structured content, which the test examines
type Any = any

function start(options: TestAppOptions = {}) {
  const app = testApp({ apiKeys, ...options })
  const address = app.listen()
  return {
    ...app,
    /** Connects the official client, and calls tools. */
    async connect(key: string, headers: Record<string, string> = {}) {
      const client = new Client({ name: 'test', version: '1' })
      const transport = new StreamableHTTPClientTransport(new URL(`${await address}/mcp`), {
        requestInit: { headers: { authorization: `Bearer ${key}`, ...headers } },
      })
      await client.connect(transport as Any)
      onTestFinished(() => client.close())
      const call = async (name: string, args: object = {}): Promise<Any> =>
        await client.callTool({ name, arguments: { ...args } })
      return { client, call }
    },
    /** Sends one message without the official client. */
    async post(message: unknown, headers: Record<string, string> = {}) {
      return await app.fetch('http://localhost/mcp', {
        method: 'POST',
        body: typeof message === 'string' ? message : JSON.stringify(message),
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          authorization: `Bearer ${KEYS.ada}`,
          ...headers,
        },
      })
    },
  }
}

const jsonOf = async (response: Response): Promise<Any> => await response.json()

const LIST = { jsonrpc: '2.0', id: 1, method: 'tools/list' }

describe('/mcp with the official client', () => {
  it('offers five tools, none of which takes a user, each with a schema of its result', async () => {
    const { client } = await start().connect(KEYS.ada)
    expect(client.getServerVersion()).toMatchObject({ name: 'hippocache' })
    expect(client.getInstructions()).toContain('Recall before you answer')
    const { tools } = await client.listTools()
    expect(tools.map(({ name }) => name)).toEqual([
      'recall',
      'search_memories',
      'remember',
      'list_memories',
      'forget_memory',
    ])
    for (const { inputSchema, outputSchema, description, annotations } of tools) {
      expect(
        Object.keys(inputSchema.properties ?? {}).filter((name) => /user|scope|namespace/.test(name)),
      ).toEqual([])
      expect(outputSchema?.properties).toHaveProperty('user_id')
      expect(description).toBeTruthy()
      expect(annotations?.readOnlyHint).toBeTypeOf('boolean')
    }
  })

  it('remembers, searches, recalls, lists and forgets', async () => {
    const { call } = await start().connect(KEYS.ada)
    const stored = await call('remember', { text: 'I am allergic to peanuts.' })
    expect(stored.structuredContent).toEqual({
      status: 'stored',
      memories: [{ id: expect.any(String), memory: 'I am allergic to peanuts.' }],
      user_id: 'ada',
    })
    expect((await call('remember', { text: 'I am allergic to peanuts.' })).structuredContent.status).toBe(
      'unchanged',
    )
    await call('remember', { text: 'My sister lives in Lisbon.' })

    const found = await call('search_memories', { query: 'Any allergies?', limit: 1 })
    const [memory] = found.structuredContent.memories
    expect(memory).toMatchObject({ memory: 'I am allergic to peanuts.', score: expect.any(Number) })
    expect(JSON.parse(found.content[0].text)).toEqual(found.structuredContent)

    const recalled = await call('recall', { query: 'Any allergies?' })
    expect(recalled.structuredContent).toMatchObject({
      count: expect.any(Number),
      degraded: [],
      user_id: 'ada',
    })
    expect(recalled.structuredContent.context).toContain('I am allergic to peanuts.')
    expect(recalled.content[0].text).toBe(recalled.structuredContent.context)

    const first = await call('list_memories', { limit: 1 })
    const cursor = first.structuredContent.next_cursor
    const second = await call('list_memories', { limit: 1, cursor })
    const texts = [first, second].flatMap((page) =>
      page.structuredContent.memories.map((one: Any) => one.memory),
    )
    expect(texts).toEqual(['My sister lives in Lisbon.', 'I am allergic to peanuts.'])
    expect(second.structuredContent.next_cursor).toBeNull()

    expect((await call('forget_memory', { id: memory.id })).structuredContent).toMatchObject({
      status: 'forgotten',
      memory: { memory: 'I am allergic to peanuts.' },
    })
    const again = await call('forget_memory', { id: memory.id })
    expect(again).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('no memory') }] })
    expect((await call('recall', { query: 'allergies' })).structuredContent.count).toBe(0)
  })

  it('takes the user from the key, or from the header of the connection, whatever the model sends', async () => {
    const { connect } = start()
    const own = await connect(KEYS.ada)
    const ben = await connect(KEYS.team, { 'x-hippocache-user': 'ben' })
    const cem = await connect(KEYS.team, { 'x-hippocache-user': 'cem' })
    await own.call('remember', { text: 'I keep bees.' })
    await ben.call('remember', { text: 'I keep goats.' })
    const listed = async ({ call }: typeof own, args = {}) =>
      (await call('list_memories', args)).structuredContent
    expect(await listed(own)).toMatchObject({ user_id: 'ada', memories: [{ memory: 'I keep bees.' }] })
    const asked = { user_id: 'ben', namespace: 'team', 'x-hippocache-user': 'ben' }
    expect(await listed(cem, asked)).toMatchObject({ user_id: 'cem', memories: [] })
    const [{ id }] = (await listed(ben)).memories
    expect(await cem.call('forget_memory', { ...asked, id })).toMatchObject({ isError: true })
    expect((await listed(ben)).memories).toHaveLength(1)
  })

  it('answers arguments that violate the schema with an error that the model can read', async () => {
    const { call } = await start().connect(KEYS.ada)
    for (const [name, args, wrong] of [
      ['recall', {}, 'query'],
      ['recall', { query: '  ' }, 'query'],
      ['search_memories', { query: 'tea', limit: 0 }, 'limit'],
      ['remember', { text: 7 }, 'text'],
      ['list_memories', { cursor: 'x' }, 'cursor'],
    ] as const) {
      expect(await call(name, args)).toMatchObject({
        isError: true,
        content: [{ type: 'text', text: expect.stringContaining(wrong) }],
      })
    }
  })

  it('rejects a wrong key', async () => {
    await expect(start().connect('another-key-of-the-client')).rejects.toMatchObject({ code: 401 })
  })
})

describe('/mcp', () => {
  it('rejects the requests of web pages of other sites', async () => {
    const { post } = start()
    expect((await post(LIST, { origin: 'https://evil.example.com' })).status).toBe(403)
    expect((await post(LIST, { origin: 'null' })).status).toBe(403)
    expect((await post(LIST, { origin: 'http://localhost', host: 'localhost' })).status).toBe(200)
    const behindProxy = start({ publicUrl: 'https://memory.example.com/base' })
    expect((await behindProxy.post(LIST, { origin: 'https://memory.example.com' })).status).toBe(200)
  })

  it('needs no session, and answers other methods with 405', async () => {
    const { post, call } = start()
    const response = await post(LIST)
    expect([response.status, response.headers.get('mcp-session-id')]).toEqual([200, null])
    expect((await jsonOf(response)).result.tools).toHaveLength(5)
    for (const method of ['GET', 'DELETE']) {
      const { status, headers } = await call(method, '/mcp', undefined, {
        authorization: `Bearer ${KEYS.ada}`,
      })
      expect([status, headers.get('allow')]).toEqual([405, 'POST'])
    }
  })

  it.each(['2024-11-05', '2025-03-26', '2025-06-18'])(
    'answers a client of protocol version %s that initialises for every call, as Dify does',
    async (protocolVersion) => {
      const { post } = start()
      const clientInfo = { name: 'Dify', version: '1' }
      const params = { protocolVersion, capabilities: {}, clientInfo }
      const initialised = await jsonOf(await post({ ...LIST, method: 'initialize', params }))
      expect(initialised.result).toMatchObject({ protocolVersion, capabilities: { tools: {} } })
      const headers = { 'mcp-protocol-version': protocolVersion }
      const noted = await post({ jsonrpc: '2.0', method: 'notifications/initialized' }, headers)
      expect([noted.status, await noted.text()]).toEqual([202, ''])
      const call = { name: 'remember', arguments: { text: 'I keep bees.' } }
      const answer = await jsonOf(await post({ ...LIST, method: 'tools/call', params: call }, headers))
      expect(answer.result.structuredContent).toMatchObject({ status: 'stored', user_id: 'ada' })
    },
  )

  it.each([
    ['malformed JSON', '{"jsonrpc":', 'body: expected one JSON-RPC message as JSON'],
    ['a batch', [LIST, LIST], 'body: expected one JSON-RPC message, not a batch, got an array of 2'],
  ])('answers %s with 400', async (_, message, expected) => {
    const response = await start().post(message)
    expect(response.status).toBe(400)
    expect((await jsonOf(response)).error.message).toBe(expected)
  })

  it('answers what is no JSON-RPC message, and an unknown tool, with an error', async () => {
    const { post } = start()
    expect((await post({ hello: 1 })).status).toBe(400)
    const params = { name: 'drop_everything', arguments: {} }
    const answer = await jsonOf(await post({ ...LIST, method: 'tools/call', params }))
    expect(answer.result).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('drop_everything') }],
    })
  })

  it('rejects a user id that is too long', async () => {
    const response = await start().post(LIST, { 'x-hippocache-user': 'a'.repeat(257) })
    expect(response.status).toBe(400)
  })

  it('has the limits of every other route', async () => {
    const { post } = start({ requestsPerMinute: 1, maxBodyBytes: 2000 })
    expect((await post(LIST)).headers.get('ratelimit-remaining')).toBe('0')
    expect((await post(LIST)).status).toBe(429)
    const large = start({ maxBodyBytes: 2000 })
    expect((await large.post({ ...LIST, params: { text: 'a'.repeat(3000) } })).status).toBe(413)
  })

  it('hides the details of a failure from the client and logs them', async () => {
    const wrapRecords = (records: RecordStore): RecordStore => ({
      ...records,
      scroll: async () => {
        throw new Error('the disk is broken')
      },
    })
    const { post, errors } = start({ wrapRecords, expectErrors: true })
    const params = { name: 'list_memories', arguments: {} }
    const response = await post({ ...LIST, method: 'tools/call', params })
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('disk')
    expect(errors.join()).toContain('the disk is broken')
  })
})
