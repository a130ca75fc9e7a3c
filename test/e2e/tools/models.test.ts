import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { connectDify, createFakeDify, llmChunk } from '../../helpers/plugin-sdk/fake-daemon/fake-dify.ts'
import { request } from '../../helpers/plugin-sdk/fake-daemon/requests.ts'
import { nodeOutput } from '../../helpers/plugin-sdk/fake-daemon/tool-output.ts'
import { startSidecar } from '../../helpers/sidecar-process.ts'
import { tempDir } from '../../helpers/temp-dir.ts'
import { startStdioDaemon } from '../plugin-sdk/fake-daemon/stdio-daemon.ts'

const main = fileURLToPath(new URL('../../../main.ts', import.meta.url))

/** As Dify passes a model selection; `type` and the completion parameters are those of the form. */
const MODEL = {
  ...{ provider: 'langgenius/openai/openai', model: 'gpt-4o-mini', model_type: 'llm', mode: 'chat' },
  ...{ type: 'model-selector', completion_params: { temperature: 0.2 } },
}

/** What the user says in each turn, and the fact in it: too different for a second model call that compares them. */
const TALK = [
  ['I own seven wooden boats.', 'The user owns seven wooden boats.'],
  ['My cat is called Miso.', 'The cat of the user is called Miso.'],
  ['Next year we move to Lisbon.', 'The family moves to Lisbon next year.'],
] as const

it('a sidecar without a key extracts with the model that a node chooses in Dify', async () => {
  const sidecar = await startSidecar({ DATA_DIR: tempDir(), LLM_MODEL: 'dify' })
  const dify = createFakeDify()
  dify.llm = ({ prompt_messages }) => {
    const prompt = JSON.stringify(prompt_messages)
    const facts = TALK.filter(([said]) => prompt.includes(said)).map(([, text]) => ({ text, messages: [1] }))
    return { data: llmChunk(JSON.stringify({ facts, summary: 'A talk.' })) }
  }
  await using daemon = await startStdioDaemon([main])
  connectDify(daemon.router, daemon.write, dify)

  async function call(tool: string, parameters: object) {
    const rest = { provider: 'hippocache', tool, credential_type: 'api-key' }
    const result = await daemon.invoke(
      request({
        ...{ type: 'tool', action: 'invoke_tool', ...rest },
        tool_parameters: { user_id: 'ada', ...parameters },
        credentials: { sidecar_url: sidecar.url },
      }),
    )
    return nodeOutput(result).variables
  }
  const say = (turn: number, more: object = {}) =>
    call('add_memory', { user: TALK[turn - 1]?.[0], conversation_id: `c${turn}`, turn: 1, ...more })
  const memories = async () => {
    const { body } = await sidecar.call('GET', '/v1/memories?user_id=ada')
    return body.memories.map(({ memory }: { memory: string }) => memory).sort()
  }

  // In mode sync the node answers the sidecar's request while its own call waits.
  expect(await say(1, { mode: 'sync', model: MODEL })).toMatchObject({ status: 'stored', error: '' })
  expect(await memories()).toEqual([TALK[0][1]])
  expect(dify.calls.find(({ type }) => type === 'llm')?.request).toMatchObject({
    ...{ provider: MODEL.provider, model: MODEL.model, mode: 'chat', stream: false },
    completion_params: { temperature: 0.2, max_tokens: expect.any(Number) },
  })

  // Without a model the turn stays pending, and is recalled as it was said.
  expect(await say(2)).toMatchObject({ status: 'buffered' })
  expect(await memories()).toContain(TALK[1][0])
  const flushed = await call('flush_memory', { model: MODEL })
  expect(flushed).toMatchObject({ status: 'flushed', pending_turns: 0, reason: '', error: '' })
  expect(await memories()).toContain(TALK[1][1])

  // A model that fails leaves the turn pending with Dify's reason.
  dify.permissions.llm = false
  const why = { error: expect.stringMatching(/^The model gpt-4o-mini failed: .*permission denied/) }
  expect(await say(3, { mode: 'sync', model: MODEL })).toMatchObject({ status: 'buffered', ...why })
  const failed = { status: 'failed', pending_turns: 1 }
  expect(await call('flush_memory', { model: MODEL })).toMatchObject({ ...failed, ...why })
  const { body } = await sidecar.call('GET', '/v1/pending?user_id=ada')
  expect(body.turns[0].detail).toMatch(/Dify: permission denied/)

  // The next node of the same workspace resumes it, also for another user.
  dify.permissions.llm = true
  await call('add_memory', { user: 'Hello there, good morning.', user_id: 'bob', model: MODEL })
  // The node ends once its answer is accepted, the facts are stored afterwards.
  const pending = async () => (await sidecar.call('GET', '/v1/pending?user_id=ada')).body.turns
  await expect.poll(pending).toEqual([])
  const ledger = await sidecar.call('GET', '/v1/ledger')
  expect(JSON.stringify(ledger.body)).toContain('gpt-4o-mini')
  expect(daemon.router.problems).toEqual([])
}, 120_000)
