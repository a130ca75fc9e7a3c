import { describe, expect, it } from 'vitest'
import { nodes } from '../../../tools/index.ts'
import { runNode, runTool, useStub } from '../../helpers/tools/run-tool.ts'
import { USE } from '../../helpers/tools/scenarios.ts'
import { json } from '../../helpers/tools/stub-sidecar.ts'

const memories = Array.from({ length: 10 }, (_, i) => ({
  id: `8f14e45f-ceea-467f-a6b8-${String(i).padStart(12, '0')}`,
  memory: `Ada keeps bee colony number ${i}.`,
  score: 0.912345,
  user_id: 'ada',
  created_at: '2026-03-01T09:30:00.000Z',
}))
const context = memories.map(({ memory }) => `- ${memory}`).join('\n')
const stub = await useStub(
  json(200, {
    ...{ status: 'ok', context, block: context, memories, count: 10, strategy: 'per_query', turn_id: 't' },
    ...{ text: context, topics: {}, history: [], next_cursor: 'page-2' },
  }),
)

const inAgent = (tool: string) =>
  runTool({ tool, parameters: USE[tool] ?? {}, credentials: { sidecar_url: stub.url }, messageId: 'm-1' })

describe('in an agent app', () => {
  it.each(nodes.map(({ name }) => name))('%s answers with one text message', async (tool) => {
    const { variables, json, text, error } = await inAgent(tool)
    expect(error).toBeUndefined()
    expect({ variables, json }).toEqual({ variables: {}, json: [] })
    expect(text).not.toBe('')
  })

  it('Retrieve Memory gives the model each memory once and nothing that it cannot use', async () => {
    const { text } = await inAgent('retrieve_memory')
    for (const { memory } of memories) expect(text.split(memory)).toHaveLength(2)
    expect(text.length).toBeLessThan(context.length + 50)
  })

  it('List Memories gives the ids that Update Memory and Delete Memory need', async () => {
    const { text } = await inAgent('list_memories')
    for (const { id } of memories) expect(text).toContain(id)
    expect(text).toContain('page-2')
  })

  it('tells the model why a call failed', async () => {
    stub.script = json(503, { error: { code: 'backend_unavailable', message: 'The store is down.' } })
    expect((await inAgent('retrieve_memory')).text).toContain('The store is down.')
  })
})

/** What an Answer node prints: Dify streams the pieces of a variable and ends each with an empty chunk. */
const printed = (wire: string, output: string) =>
  (JSON.parse(wire) as { data: { data?: { type?: string; message?: Record<string, unknown> } } }[])
    .flatMap(({ data }) => (data.data?.type === 'variable' ? [data.data.message ?? {}] : []))
    .filter(({ variable_name, stream }) => variable_name === output && stream === true)
    .map(({ variable_value }) => variable_value)
    .join('')

it.each(['context', 'block', 'status'])('an Answer node prints the output %s of a node', async (output) => {
  const { wire, variables } = await runNode(stub, 'retrieve_memory', USE['retrieve_memory'] ?? {})
  expect(variables[output]).not.toBe('')
  expect(printed(wire, output)).toBe(variables[output])
})
