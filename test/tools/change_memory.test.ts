import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { memoryPath } from '../../tools/_memories.ts'
import { type Invocation, mismatches, runTool } from './run-tool.ts'
import { USE } from './scenarios.ts'
import { json, refusal, type StubSidecar, startStub } from './stub-sidecar.ts'

let stub: StubSidecar
beforeAll(async () => {
  stub = await startStub()
})
afterAll(() => stub[Symbol.asyncDispose]())
beforeEach(() => {
  stub.calls.length = 0
})

const VIEW = { id: 'm1', memory: 'Lives in Porto', version: 3, topic: null }
const absent = refusal(404, 'not_found', 'no memory with this id')

async function run(tool: string, parameters: Record<string, unknown>, more: Invocation = {}) {
  const credentials = { sidecar_url: stub.url, ...more.credentials }
  const outcome = await runTool({ ...more, tool, parameters, credentials })
  expect(outcome.error).toBeUndefined()
  expect(mismatches(tool, outcome.variables)).toEqual([])
  return outcome
}

describe('update_memory', () => {
  const update = (parameters: Record<string, unknown>) =>
    run('update_memory', { memory_id: 'm1', user_id: 'u1', ...parameters })
  beforeEach(() => {
    stub.script = json(200, { status: 'updated', memory: VIEW })
  })

  it('sends what is to change, and tells what came of it', async () => {
    const outcome = await update({
      ...{ memory: ' Lives in Porto ', topic: 'home', importance: '4', expires_at: '2026-12-31' },
      metadata: '{"channel": "web"}',
    })
    expect(stub.calls[0]).toMatchObject({ method: 'PATCH', path: '/v1/memories/m1', query: {} })
    expect(stub.calls[0]?.body).toEqual({
      ...{ user_id: 'u1', memory: 'Lives in Porto', topic: 'home', importance: 4 },
      ...{ expires_at: '2026-12-31T00:00:00.000Z', metadata: { channel: 'web' } },
    })
    const outputs = { status: 'updated', memory: 'Lives in Porto', version: 3, error: '' }
    expect(outcome.variables).toEqual(outputs)
    expect(outcome.json).toEqual([{ ...outputs, took_ms: { round_trip: expect.any(Number) } }])
    expect(outcome.text).toBe('The memory was updated.')
  })

  it('leaves alone what is not bound', async () => {
    const unset = { topic: '', importance: null, expires_at: ' ', metadata: '{}' }
    await update({ memory: 'Lives in Porto', ...unset })
    expect(stub.calls[0]?.body).toEqual({ user_id: 'u1', memory: 'Lives in Porto' })
  })

  it('takes the word never for no expiry', async () => {
    await update({ expires_at: 'Never' })
    expect(stub.calls[0]?.body).toEqual({ user_id: 'u1', expires_at: null })
  })

  it('tells when the memory was like this already', async () => {
    stub.script = json(200, { status: 'unchanged', memory: VIEW })
    const { variables, text } = await update({ memory: 'Lives in Porto' })
    expect(variables).toMatchObject({ status: 'unchanged', version: 3 })
    expect(text).toBe('The memory was like this already.')
  })

  it('is an error where there is no such memory', async () => {
    stub.script = absent
    const { variables } = await update({ memory: 'x' })
    expect(variables).toEqual({
      ...{ status: 'error', memory: '', version: -1 },
      error: 'The sidecar says: no memory with this id (not_found, HTTP 404)',
    })
  })

  it.each([
    [{}, 'Expected at least one of memory, topic, importance, expires_at, metadata, came nothing.'],
    [{ memory: ' ' }, /^Expected at least one of memory/],
    [{ importance: 6 }, 'importance: expected a whole number from 1 to 5, came 6.'],
    [{ importance: 'high' }, 'importance: expected a whole number from 1 to 5, came "high".'],
    [
      { expires_at: 'soon' },
      'expires_at: expected an ISO 8601 time such as 2026-03-01T09:30:00Z, or never, came "soon".',
    ],
    [{ metadata: 'web' }, 'metadata: expected a JSON object, came "web".'],
    [{ memory: 'x', user_id: '' }, /^user_id: expected/],
  ])('answers %j with an error that names the parameter', async (wrong, message) => {
    const { variables } = await update(wrong)
    expect(variables).toMatchObject({ status: 'error', error: expect.stringMatching(message) })
    expect(stub.calls).toHaveLength(0)
  })
})

describe('delete_memory', () => {
  it('deletes one, and tells which text that was', async () => {
    stub.script = json(200, { status: 'deleted', memory: VIEW })
    const outcome = await run('delete_memory', { memory_id: 'm1', user_id: 'ü & 1' })
    expect(stub.calls[0]).toMatchObject({
      ...{ method: 'DELETE', path: '/v1/memories/m1', query: { user_id: 'ü & 1' }, body: undefined },
    })
    expect(outcome.variables).toEqual({ status: 'deleted', memory: 'Lives in Porto', error: '' })
    expect(outcome.text).toBe('The memory was deleted.')
  })

  it('takes one that is not there for absent, and no other 404', async () => {
    stub.script = absent
    const { variables, text } = await run('delete_memory', { memory_id: 'm1', user_id: 'u1' })
    expect(variables).toEqual({ status: 'absent', memory: '', error: '' })
    expect(text).toBe('There is no such memory.')
    stub.script = refusal(404, 'not_found', 'no such path: DELETE /v1/memories/m1')
    const other = await run('delete_memory', { memory_id: 'm1', user_id: 'u1' })
    expect(other.variables).toMatchObject({ status: 'error', error: expect.stringContaining('update') })
  })
})

describe.each(['update_memory', 'delete_memory'])('%s', (tool) => {
  it.each([undefined, null, '', ' ', '.', ' .. ', 'sys.memory_id'])(
    'sends nothing for the id %j, which could mean all memories of the user',
    async (memory_id) => {
      const { variables } = await run(tool, { ...USE[tool], memory_id })
      expect(variables['status']).toBe('error')
      expect(variables['error']).toMatch(/^memory_id: expected the id of a memory/)
      expect(stub.calls).toHaveLength(0)
    },
  )

  it('refuses under identity: runtime, whatever a model gives', async () => {
    const runtime = { credentials: { identity: 'runtime' }, userId: 'real' }
    for (const parameters of [USE[tool] ?? {}, {}, { ...USE[tool], user_id: 'real' }]) {
      const { variables, text } = await run(tool, parameters, runtime)
      expect(variables).toMatchObject({
        ...{ status: 'error', memory: '' },
        error: expect.stringMatching(/^Refused: .*"Whose memory" is "Current user".*"User ID parameter"/),
      })
      expect(text).toContain('Refused')
    }
    expect(stub.calls).toHaveLength(0)
  })
})

it('the path of a memory has one segment for its id, whatever that is', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', '.', '..')), (memoryId) => {
      const place = memoryPath(memoryId)
      if (!place.ok) return ['', '.', '..'].includes(memoryId)
      const { pathname, search, hash } = new URL(`http://sidecar${place.path}`)
      expect(pathname.split('/')).toHaveLength(4)
      expect(pathname.startsWith('/v1/memories/')).toBe(true)
      expect(decodeURIComponent(pathname.slice('/v1/memories/'.length))).toBe(memoryId.toWellFormed())
      expect(search + hash).toBe('')
      return true
    }),
  )
})
