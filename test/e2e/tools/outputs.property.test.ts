import { BackwardsInvocationError } from '@dify/plugin-sdk-ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createModels } from '../../../plugin-sdk/backwards/models.ts'
import { createStorage } from '../../../plugin-sdk/backwards/storage.ts'
import { nodes } from '../../../tools/index.ts'
import type { HippocacheNode } from '../../../tools/shared/node.ts'
import { mismatches, useStub } from '../../helpers/tools/run-tool.ts'
import { USE } from '../../helpers/tools/scenarios.ts'
import { json } from '../../helpers/tools/stub-sidecar.ts'

const stub = await useStub()

const NO_DIFY = {
  // biome-ignore lint/correctness/useYield: every call fails
  async *call(): AsyncGenerator<unknown> {
    throw new BackwardsInvocationError('no Dify')
  },
}

/** Runs the tool class directly, without the parameter check of the SDK. */
async function run(node: HippocacheNode, parameters: Record<string, unknown>, credentials = {}) {
  const context = {
    runtime: { credentials: { sidecar_url: stub.url, ...credentials }, credential_type: null, user_id: 'u' },
    session: { session_id: 's', conversation_id: null, app_id: null, message_id: null },
    models: createModels(NO_DIFY),
    storage: createStorage(NO_DIFY),
    signal: new AbortController().signal,
  }
  const variables: Record<string, unknown> = {}
  const kinds: string[] = []
  for await (const message of new node.tool(context).invoke(parameters, context)) {
    kinds.push(message.type)
    if (message.type === 'variable') variables[message.message.variable_name] = message.message.variable_value
  }
  expect(kinds.filter((kind) => kind !== 'variable')).toEqual(['json', 'text'])
  return variables
}

/** Answers with known fields, some missing and some of another type. */
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

describe.each(nodes.map((node) => [node.name, node] as const))('%s', (name, node) => {
  it('emits each declared output with its type for any answer of the sidecar', async () => {
    const body = fc.oneof({ weight: 4, arbitrary: answers }, fc.jsonValue())
    const status = fc.constantFrom(200, 200, 200, 202, 400, 500)
    await fc.assert(
      fc.asyncProperty(body, status, async (answer, code) => {
        stub.script = json(code, answer)
        expect(mismatches(name, await run(node, USE[name] ?? {}))).toEqual([])
      }),
      { numRuns: 150 },
    )
  })

  it('emits each declared output with its type for any parameters', async () => {
    stub.script = json(200, { status: 'stored', turn_id: 't' })
    const parameters = fc.dictionary(fc.constantFrom(...Object.keys(node.parameters)), fc.jsonValue())
    const identity = fc.constantFrom('runtime', 'parameter', undefined)
    await fc.assert(
      fc.asyncProperty(parameters, identity, async (given, mode) => {
        const variables = await run(node, { ...USE[name], ...given }, { identity: mode })
        expect(mismatches(name, variables)).toEqual([])
      }),
      { numRuns: 150 },
    )
  })
})
