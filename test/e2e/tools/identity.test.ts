import { describe, expect, it } from 'vitest'
import { nodes } from '../../../tools/index.ts'
import { runNode, runTool, useStub } from '../../helpers/tools/run-tool.ts'
import { USE } from '../../helpers/tools/scenarios.ts'
import { json, raw } from '../../helpers/tools/stub-sidecar.ts'

// An answer that every node accepts, apart from the status.
const stub = await useStub(
  json(200, { status: 'ok', context: '', memories: [], history: [], turn_id: 't', text: '' }),
)

const names = (selected: typeof nodes) => selected.map(({ name }) => name)
const withUser = nodes.filter(({ parameters }) => 'user_id' in parameters)
const NO_USER = [{}, { user_id: null }, { user_id: '' }]

/** What an Agent node sends: the parameters that the author fixed, overwritten by those of the model. */
const AGENT_NODE = { conversationId: null, appId: null }
const fixed = { user_id: 'author', conversation_id: 'c1', turn: 3 }
const ofModel = { user_id: 'victim', conversation_id: 'other', turn: 1 }

function run(tool: string, identity: string | undefined, user: object, userId: string | null = 'current') {
  const { user_id: _, ...parameters } = USE[tool] ?? {}
  return runNode(stub, tool, { ...parameters, ...user }, { credentials: { identity }, userId })
}

describe.each(names(withUser.filter(({ isDestructive }) => !isDestructive)))(
  '%s under identity: runtime',
  (tool) => {
    it.each([...NO_USER, { user_id: 'victim' }, { user_id: 'sys.user_id' }])(
      'uses the current user and ignores the parameter %j',
      async (user) => {
        const { variables } = await run(tool, 'runtime', user)
        const { query, body } = stub.calls[0] ?? {}
        expect({ ...query, ...Object(body) }).toMatchObject({ user_id: 'current' })
        expect(variables['error']).not.toContain('user_id')
      },
    )

    it('fails when Dify names no user', async () => {
      const { variables } = await run(tool, 'runtime', { user_id: 'victim' }, null)
      expect(variables).toMatchObject({ status: 'error', error: expect.stringContaining('named no user') })
      expect(stub.calls).toHaveLength(0)
    })
  },
)

describe.each(names(nodes.filter(({ isDestructive }) => isDestructive)))(
  '%s under identity: runtime',
  (tool) => {
    it.each([...NO_USER, { user_id: 'victim' }, { user_id: 'current' }])(
      'refuses the call with the parameter %j',
      async (user) => {
        const { variables, text } = await run(tool, 'runtime', user)
        expect(variables).toMatchObject({
          status: 'error',
          error: expect.stringMatching(/^Refused: .*"Whose memory" is "Current user".*"User ID parameter"/),
        })
        expect(text).toContain('Refused')
        expect(stub.calls).toHaveLength(0)
      },
    )
  },
)

describe.each(names(withUser))('%s', (tool) => {
  it.each(['parameter', undefined, ''])('requires user_id under identity %j', async (identity) => {
    for (const user of NO_USER) {
      const error = 'user_id: expected the id of a user, got nothing. Bind it to sys.user_id.'
      expect((await run(tool, identity, user)).variables).toMatchObject({ status: 'error', error })
    }
    expect(stub.calls).toHaveLength(0)
  })
})

describe('an Agent node whose model overwrites the parameters that the author fixed', () => {
  const call = (tool: string, identity: string, more = {}) =>
    runNode(
      stub,
      tool,
      { ...USE[tool], ...fixed, ...ofModel },
      { credentials: { identity }, ...AGENT_NODE, ...more },
    )

  it.each(['add_memory', 'retrieve_memory', 'record_outcome'])(
    '%s uses the user of the run, and no conversation or turn of the model, under identity: runtime',
    async (tool) => {
      await call(tool, 'runtime', { userId: 'current' })
      expect(stub.calls[0]?.body).toMatchObject({ user_id: 'current' })
      expect(stub.calls[0]?.body).not.toHaveProperty('conversation_id')
      expect(stub.calls[0]?.body).not.toHaveProperty('turn')
    },
  )

  it('uses the conversation of the run without a turn in an agent app', async () => {
    const parameters = { ...USE['add_memory'], ...ofModel }
    const credentials = { sidecar_url: stub.url, identity: 'runtime' }
    const run = { userId: 'current', conversationId: 'own', messageId: 'm1' }
    await runTool({ tool: 'add_memory', parameters, credentials, ...run })
    expect(stub.calls[0]?.body).toMatchObject({ user_id: 'current', conversation_id: 'own' })
    expect(stub.calls[0]?.body).not.toHaveProperty('turn')
  })

  it('uses the user of the model under identity: parameter, and its output tells', async () => {
    const { variables } = await call('retrieve_memory', 'parameter')
    expect(variables['user_id']).toBe('victim')
  })
})

describe('the output user_id', () => {
  it.each(names(withUser))('of %s and its JSON object tell whose memory was used', async (tool) => {
    const body = { status: 'ok', context: '', memories: [], history: [], turn_id: 't', text: '' }
    stub.script = raw(200, 'application/json', JSON.stringify(body), { 'x-hippocache-namespace': 'shop' })
    const { variables, json: objects } = await run(tool, 'parameter', { user_id: ' u1 ' })
    expect(variables).toMatchObject({ user_id: 'u1' })
    expect(objects).toMatchObject([{ user_id: 'u1' }])
    if (stub.calls.length > 0) expect(objects).toMatchObject([{ namespace: 'shop' }])
  })

  it('is empty when no user is known, and is not repeated to the model of an agent app', async () => {
    expect((await run('retrieve_memory', 'parameter', {})).variables).toMatchObject({ user_id: '' })
    const credentials = { sidecar_url: stub.url, identity: 'runtime' }
    const { text } = await runTool({ tool: 'profile', credentials, userId: 'current', messageId: 'm1' })
    expect(text).not.toContain('current')
  })
})
