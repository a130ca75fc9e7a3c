import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { memoryPath } from '../../../tools/shared/memories.ts'
import { anyText } from '../../helpers/any-text.ts'
import { type Invocation, runNode, runTool, useStub } from '../../helpers/tools/run-tool.ts'
import { USE } from '../../helpers/tools/scenarios.ts'
import { json, refusal } from '../../helpers/tools/stub-sidecar.ts'

const VIEW = { id: 'm1', memory: 'Lives in Porto', version: 3, topic: null }
const absent = refusal(404, 'not_found', 'no memory with this id')

const stub = await useStub()
const run = (tool: string, parameters: Record<string, unknown>, more: Invocation = {}) =>
  runNode(stub, tool, parameters, more)

describe('update_memory', () => {
  const update = (parameters: Record<string, unknown>) =>
    run('update_memory', { memory_id: 'm1', user_id: 'u1', ...parameters })
  beforeEach(() => {
    stub.script = json(200, { status: 'updated', memory: VIEW })
  })

  it('sends the changes and reports the result', async () => {
    const outcome = await update({
      ...{ memory: ' Lives in Porto ', topic: 'home', importance: '4', expires_at: '2026-12-31' },
      metadata: '{"channel": "web"}',
    })
    expect(stub.calls[0]).toMatchObject({ method: 'PATCH', path: '/v1/memories/m1', query: {} })
    expect(stub.calls[0]?.body).toEqual({
      ...{ user_id: 'u1', memory: 'Lives in Porto', topic: 'home', importance: 4 },
      ...{ expires_at: '2026-12-31T00:00:00.000Z', metadata: { channel: 'web' } },
    })
    const outputs = { status: 'updated', memory: 'Lives in Porto', version: 3, user_id: 'u1', error: '' }
    expect(outcome.variables).toEqual(outputs)
    expect(outcome.json).toEqual([{ ...outputs, took_ms: { round_trip: expect.any(Number) } }])
    expect(outcome.text).toBe('The memory was updated.')
  })

  it('omits changes that are not bound', async () => {
    const unset = { topic: '', importance: null, expires_at: ' ', metadata: '{}' }
    await update({ memory: 'Lives in Porto', ...unset })
    expect(stub.calls[0]?.body).toEqual({ user_id: 'u1', memory: 'Lives in Porto' })
  })

  it('sends null for the expiry "never"', async () => {
    await update({ expires_at: 'Never' })
    expect(stub.calls[0]?.body).toEqual({ user_id: 'u1', expires_at: null })
  })

  it('reports unchanged values', async () => {
    stub.script = json(200, { status: 'unchanged', memory: VIEW })
    const { variables, text } = await update({ memory: 'Lives in Porto' })
    expect(variables).toMatchObject({ status: 'unchanged', version: 3 })
    expect(text).toBe('The memory already had these values.')
  })

  it('fails when there is no such memory', async () => {
    stub.script = absent
    const { variables } = await update({ memory: 'x' })
    expect(variables).toEqual({
      ...{ status: 'error', memory: '', version: -1, user_id: 'u1' },
      error: 'The sidecar says: no memory with this id (not_found, HTTP 404)',
    })
  })

  it.each([
    [{}, 'Expected at least one of memory, topic, importance, expires_at, metadata, got none.'],
    [{ memory: ' ' }, /^Expected at least one of memory/],
    [{ importance: 6 }, 'importance: expected an integer from 1 to 5, got 6.'],
    [{ importance: 'high' }, 'importance: expected an integer from 1 to 5, got "high".'],
    [
      { expires_at: 'soon' },
      'expires_at: expected an ISO 8601 time such as 2026-03-01T09:30:00Z, or never, got "soon".',
    ],
    [{ metadata: 'web' }, 'metadata: expected a JSON object, got "web".'],
    [{ memory: 'x', user_id: '' }, /^user_id: expected/],
  ])('rejects %j with an error that names the parameter', async (wrong, message) => {
    const { variables } = await update(wrong)
    expect(variables).toMatchObject({ status: 'error', error: expect.stringMatching(message) })
    expect(stub.calls).toHaveLength(0)
  })
})

describe('delete_memory', () => {
  it('deletes the memory and returns its text', async () => {
    stub.script = json(200, { status: 'deleted', memory: VIEW })
    const outcome = await run('delete_memory', { memory_id: 'm1', user_id: 'ü & 1' })
    expect(stub.calls[0]).toMatchObject({
      ...{ method: 'DELETE', path: '/v1/memories/m1', query: { user_id: 'ü & 1' }, body: undefined },
    })
    expect(outcome.variables).toEqual({
      status: 'deleted',
      memory: 'Lives in Porto',
      user_id: 'ü & 1',
      error: '',
    })
    expect(outcome.text).toBe('The memory was deleted.')
  })

  it('reports absent for an unknown id, and an error for an unknown path', async () => {
    stub.script = absent
    const { variables, text } = await run('delete_memory', { memory_id: 'm1', user_id: 'u1' })
    expect(variables).toEqual({ status: 'absent', memory: '', user_id: 'u1', error: '' })
    expect(text).toBe('There is no such memory.')
    stub.script = refusal(404, 'not_found', 'no such path: DELETE /v1/memories/m1')
    const other = await run('delete_memory', { memory_id: 'm1', user_id: 'u1' })
    expect(other.variables).toMatchObject({ status: 'error', error: expect.stringContaining('update') })
  })
})

describe.each(['update_memory', 'delete_memory'])('%s', (tool) => {
  it.each([undefined, null, '', ' ', '.', ' .. ', 'sys.memory_id'])(
    'rejects the id %j, which would address all memories of the user',
    async (memory_id) => {
      const { variables } = await run(tool, { ...USE[tool], memory_id })
      expect(variables['status']).toBe('error')
      expect(variables['error']).toMatch(/^memory_id: expected the id of a memory/)
      expect(stub.calls).toHaveLength(0)
    },
  )
})

it('memoryPath encodes every id as exactly one path segment', () => {
  fc.assert(
    fc.property(fc.oneof(anyText(), fc.constantFrom('', '.', '..')), (memoryId) => {
      if (['', '.', '..'].includes(memoryId)) {
        expect(() => memoryPath(memoryId)).toThrow('memory_id: expected the id of a memory')
        return
      }
      const { pathname, search, hash } = new URL(`http://sidecar${memoryPath(memoryId)}`)
      expect(pathname.split('/')).toHaveLength(4)
      expect(pathname.startsWith('/v1/memories/')).toBe(true)
      expect(decodeURIComponent(pathname.slice('/v1/memories/'.length))).toBe(memoryId.toWellFormed())
      expect(search + hash).toBe('')
    }),
  )
})

describe('forget_user', () => {
  const forgotten = json(200, { status: 'forgotten', removed: { memories: 3, turns: 1 } })
  const forget = (parameters: object, more: Invocation = {}) =>
    run('forget_user', { user_id: 'u1', ...parameters }, more)

  it('erases the user when it is confirmed', async () => {
    stub.script = forgotten
    const { variables, text } = await forget({ confirm: 'true' })
    expect(stub.calls).toMatchObject([{ method: 'DELETE', path: '/v1/memories', query: { user_id: 'u1' } }])
    expect(variables).toEqual({ status: 'forgotten', memories: 3, turns: 1, user_id: 'u1', error: '' })
    expect(text).toBe('Erased 3 memories and 1 turn.')
  })

  it.each([{}, { confirm: false }, { confirm: '' }, { confirm: null }])(
    'erases nothing with %j',
    async (confirm) => {
      const { variables } = await forget(confirm)
      expect(variables).toMatchObject({ status: 'unconfirmed', memories: 0 })
      expect(stub.calls).toHaveLength(0)
    },
  )

  it.each(['parameter', 'runtime'])('is refused in an agent app under identity: %s', async (identity) => {
    const parameters = { user_id: 'u1', confirm: true }
    const credentials = { sidecar_url: stub.url, identity }
    const { text } = await runTool({ tool: 'forget_user', parameters, credentials, messageId: 'm1' })
    expect(text).toContain('Refused')
    expect(stub.calls).toHaveLength(0)
  })
})
