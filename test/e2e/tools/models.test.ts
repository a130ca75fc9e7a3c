import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
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

/** The unit vector of a direction. */
const axis = (index: number) => Array.from({ length: 32 }, (_, i) => Number(i === index))

/** A sidecar, and the plugin at a daemon of a Dify that the test scripts. */
async function start(env: Record<string, string>) {
  const sidecar = await startSidecar({ DATA_DIR: tempDir(), ...env })
  const dify = createFakeDify()
  const daemon = await startStdioDaemon([main])
  connectDify(daemon.router, daemon.write, dify)
  onTestFinished(async () => await daemon[Symbol.asyncDispose]())

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
  return { sidecar, dify, daemon, call }
}

it('a sidecar without a key extracts with the model that a node chooses in Dify', async () => {
  const { sidecar, dify, daemon, call } = await start({ LLM_MODEL: 'dify' })
  dify.llm = ({ prompt_messages }) => {
    const prompt = JSON.stringify(prompt_messages)
    const facts = TALK.filter(([said]) => prompt.includes(said)).map(([, text]) => ({ text, messages: [1] }))
    return { data: llmChunk(JSON.stringify({ facts, summary: 'A talk.' })) }
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

it('a sidecar without a key embeds with the model that a node chooses in Dify', async () => {
  const env = { EMBEDDING_MODEL: 'dify:text-embedding-3-small', EMBEDDING_DIMENSIONS: '32' }
  const { sidecar, dify, daemon, call } = await start(env)
  const embedding_model = { provider: MODEL.provider, model: 'text-embedding-3-small' }
  dify.embed = (texts) => ({
    data: {
      model: 'text-embedding-3-small',
      embeddings: texts.map((text) => axis(/boat|ship/.test(text) ? 0 : 1 + (text.length % 31))),
      usage: { tokens: 4, total_tokens: 4 },
    },
  })
  const embedded = () =>
    dify.calls.filter(({ type }) => type === 'text_embedding').map(({ request }) => request)
  const recall = { query: 'Which ship is it?', strategy: 'per_query' }

  // Without a selection no model is called, and the memory has no vector yet.
  const stored = { status: 'stored', error: '' }
  expect(await call('add_memory', { user: TALK[0][0] })).toMatchObject(stored)
  expect(await call('retrieve_memory', recall)).toMatchObject({ status: 'degraded', error: '' })
  expect(embedded()).toEqual([])

  // The next node with the model embeds its own turn, then what has no vector.
  expect(await call('add_memory', { user: TALK[1][0], embedding_model })).toMatchObject(stored)
  const asked = { ...embedding_model, model_type: 'text-embedding' }
  expect(embedded()[0]).toMatchObject({ ...asked, texts: [TALK[1][0]], input_type: 'document' })
  expect(embedded()).toContainEqual(expect.objectContaining({ texts: [TALK[0][0]], input_type: 'document' }))
  expect(await call('retrieve_memory', { ...recall, embedding_model })).toMatchObject({
    status: 'ok',
    error: '',
  })
  expect(embedded().at(-1)).toMatchObject({ ...asked, texts: [recall.query], input_type: 'query' })

  // Another model is used for nothing.
  const calls = embedded().length
  const other = { embedding_model: { ...embedding_model, model: 'text-embedding-3-large' } }
  const why = { error: expect.stringMatching(/expected text-embedding-3-small.*got text-embedding-3-large/) }
  expect(await call('retrieve_memory', { ...recall, ...other })).toMatchObject({ status: 'ok', ...why })
  expect(await call('add_memory', { user: TALK[2][0], ...other })).toMatchObject({ status: 'stored', ...why })
  expect(embedded()).toHaveLength(calls)

  // So are vectors of another length.
  const { embed } = dify
  dify.embed = (texts) => ({ data: { model: 'e', embeddings: texts.map(() => [1, 0]), usage: null } })
  const lengths = { error: expect.stringMatching(/failed: expected vectors of 32 numbers.*got 2$/) }
  const query = { query: 'Is there a theremin?', strategy: 'per_query', embedding_model }
  expect(await call('retrieve_memory', query)).toMatchObject({ status: 'degraded', ...lengths })
  dify.embed = embed

  // A model that fails leaves the turn without a vector, and the node says why.
  dify.permissions.text_embedding = false
  const denied = {
    error: expect.stringMatching(/^The model text-embedding-3-small failed: .*permission denied/),
  }
  const more = { user: 'I play the theremin.', embedding_model }
  expect(await call('add_memory', more)).toMatchObject({ status: 'stored', ...denied })

  const { body } = await sidecar.call('GET', '/v1/ledger')
  expect(JSON.stringify(body)).toContain('text-embedding-3-small')
  expect(daemon.router.problems).toEqual([])
}, 120_000)
