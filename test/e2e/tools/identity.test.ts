import { describe, expect, it } from 'vitest'
import { nodes } from '../../../tools/index.ts'
import { runNode, useStub } from '../../helpers/tools/run-tool.ts'
import { USE } from '../../helpers/tools/scenarios.ts'
import { json } from '../../helpers/tools/stub-sidecar.ts'

// An answer that every node accepts, apart from the status.
const stub = await useStub(
  json(200, { status: 'ok', context: '', memories: [], history: [], turn_id: 't', text: '' }),
)

const names = (selected: typeof nodes) => selected.map(({ name }) => name)
const withUser = nodes.filter(({ parameters }) => 'user_id' in parameters)
const NO_USER = [{}, { user_id: null }, { user_id: '' }]

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
