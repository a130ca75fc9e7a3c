import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { declaration, mismatches, runTool } from './run-tool.ts'
import { USE } from './scenarios.ts'
import { json, type StubSidecar, startStub } from './stub-sidecar.ts'

let stub: StubSidecar
beforeAll(async () => {
  stub = await startStub(
    // What any of the nodes takes for an answer.
    json(200, { status: 'ok', context: '', memories: [], history: [], turn_id: 't', text: '' }),
  )
})
afterAll(() => stub[Symbol.asyncDispose]())
beforeEach(() => {
  stub.calls.length = 0
})

const named = declaration.provider.tools
  .filter(({ parameters }) => parameters.some(({ name }) => name === 'user_id'))
  .map(({ identity }) => identity.name)
const changing = ['update_memory', 'delete_memory']

async function run(tool: string, identity: string | undefined, user: object) {
  const { user_id: _, ...parameters } = USE[tool] ?? {}
  const credentials = { sidecar_url: stub.url, identity }
  const outcome = await runTool({
    tool,
    parameters: { ...parameters, ...user },
    credentials,
    userId: 'current',
  })
  expect(outcome.error).toBeUndefined()
  expect(mismatches(tool, outcome.variables)).toEqual([])
  return outcome.variables
}

const user = () => {
  const { query, body } = stub.calls[0] ?? {}
  return { ...query, ...Object(body) }['user_id']
}

it('covers the nodes about a user', () => expect(named).toHaveLength(8))

describe.each(named)('%s', (tool) => {
  it.each([{}, { user_id: null }, { user_id: '' }, { user_id: 'somebody' }, { user_id: 'sys.user_id' }])(
    'needs no user where the current one counts: %j',
    async (given) => {
      const variables = await run(tool, 'runtime', given)
      if (changing.includes(tool)) expect(stub.calls).toHaveLength(0)
      else expect(user()).toBe('current')
      expect(variables['error']).not.toContain('user_id')
    },
  )

  it.each(['parameter', undefined, ''])(
    'answers softly without a user where the parameter counts (identity %j)',
    async (identity) => {
      for (const given of [{}, { user_id: null }, { user_id: '' }]) {
        const error = 'user_id: expected the id of a user, came nothing. Bind it to sys.user_id.'
        expect(await run(tool, identity, given)).toMatchObject({ status: 'error', error })
      }
      expect(stub.calls).toHaveLength(0)
    },
  )
})

describe.each(Object.keys(USE))('%s', (tool) => {
  const declared = declaration.provider.tools.find(({ identity }) => identity.name === tool)?.parameters ?? []

  it('says in its error what is wrong with a parameter, instead of failing', async () => {
    for (const { name } of declared.filter(({ type }) => type === 'number' || type === 'select')) {
      const variables = await run(tool, 'parameter', { user_id: 'u1', [name]: 'neither' })
      expect(variables).toMatchObject({ status: 'error' })
      expect(variables['error']).toContain(`${name}: expected`)
    }
    expect(stub.calls).toHaveLength(0)
  })

  it('answers with every output when nothing at all is bound', async () => {
    const outcome = await runTool({ tool, parameters: {}, credentials: { sidecar_url: stub.url } })
    expect(outcome.error).toBeUndefined()
    expect(mismatches(tool, outcome.variables)).toEqual([])
  })
})
