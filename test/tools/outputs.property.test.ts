import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tools } from '../../tools/index.ts'
import { declaration, mismatches } from './run-tool.ts'
import { USE } from './scenarios.ts'
import { json, type StubSidecar, startStub } from './stub-sidecar.ts'

let stub: StubSidecar
beforeAll(async () => {
  stub = await startStub()
})
afterAll(() => stub[Symbol.asyncDispose]())

/** Runs the class itself, past the SDK's own check of the parameters. */
async function outputs(name: string, parameters: Record<string, unknown>, credentials = {}) {
  const context = {
    runtime: { credentials: { sidecar_url: stub.url, ...credentials }, credential_type: null, user_id: 'u' },
    session: { session_id: 's', conversation_id: null, app_id: null, message_id: null },
    signal: new AbortController().signal,
  }
  const code = tools[name]
  if (!code) throw new Error(`no tool ${name}`)
  const variables: Record<string, unknown> = {}
  const kinds: string[] = []
  for await (const message of new code(context).invoke(parameters, context)) {
    kinds.push(message.type)
    if (message.type === 'variable') variables[message.message.variable_name] = message.message.variable_value
  }
  expect(kinds.filter((kind) => kind !== 'variable')).toEqual(['json', 'text'])
  return variables
}

/** Answers of about the right form: known fields, some gone, some of another type. */
const answers = fc.record(
  {
    status: fc.oneof(
      fc.constantFrom('ok', 'empty', 'degraded', 'hit', 'miss', 'stale', 'stored', 'buffered'),
      fc.constantFrom('updated', 'unchanged', 'deleted', 'flushed', 'started'),
      fc.jsonValue(),
    ),
    turn_id: fc.jsonValue(),
    context: fc.oneof(fc.string(), fc.jsonValue()),
    memories: fc.oneof(
      fc.array(fc.dictionary(fc.constantFrom('content', 'memory', 'id'), fc.jsonValue())),
      fc.jsonValue(),
    ),
    count: fc.jsonValue(),
    cache: fc.oneof(
      fc.record({ result: fc.jsonValue(), reason: fc.jsonValue(), age_turns: fc.jsonValue() }),
      fc.jsonValue(),
    ),
    experiment: fc.jsonValue(),
    took_ms: fc.jsonValue(),
    value: fc.jsonValue(),
    age_turns: fc.jsonValue(),
    age_s: fc.jsonValue(),
    pending: fc.oneof(fc.record({ turns: fc.jsonValue() }), fc.jsonValue()),
    events: fc.jsonValue(),
    memory: fc.oneof(fc.record({ memory: fc.jsonValue(), version: fc.jsonValue() }), fc.jsonValue()),
    next_cursor: fc.jsonValue(),
    text: fc.oneof(fc.string(), fc.jsonValue()),
    topics: fc.jsonValue(),
    static: fc.jsonValue(),
    reason: fc.jsonValue(),
    history: fc.oneof(
      fc.array(fc.dictionary(fc.constantFrom('event', 'at', 'before', 'after', 'reason'), fc.jsonValue())),
      fc.jsonValue(),
    ),
  },
  { requiredKeys: [] },
)

describe.each(Object.keys(USE))('%s', (tool) => {
  const names = declaration.provider.tools
    .find(({ identity }) => identity.name === tool)
    ?.parameters.map(({ name }) => name)

  it('sends each declared output with its type, whatever the sidecar answers', async () => {
    const status = fc.constantFrom(200, 200, 200, 202, 400, 500)
    await fc.assert(
      fc.asyncProperty(
        fc.oneof({ weight: 4, arbitrary: answers }, fc.jsonValue()),
        status,
        async (body, code) => {
          stub.script = json(code, body)
          expect(mismatches(tool, await outputs(tool, USE[tool] ?? {}))).toEqual([])
        },
      ),
      { numRuns: 150 },
    )
  })

  it('sends each declared output with its type, whatever the parameters are', async () => {
    stub.script = json(200, { status: 'stored', turn_id: 't' })
    const parameters = fc.dictionary(fc.constantFrom(...(names ?? [])), fc.jsonValue())
    const identity = fc.constantFrom('runtime', 'parameter', undefined)
    await fc.assert(
      fc.asyncProperty(parameters, identity, async (given, mode) => {
        const variables = await outputs(tool, { ...USE[tool], ...given }, { identity: mode })
        expect(mismatches(tool, variables)).toEqual([])
      }),
      { numRuns: 150 },
    )
  })
})
