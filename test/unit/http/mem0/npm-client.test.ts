import { MemoryClient } from 'mem0ai'
import { expect, it, vi } from 'vitest'
import { sha256Of } from '../../../../sidecar/http/access/api-keys.ts'
import { TABLE, tableModel } from '../../../helpers/learning/buffer/model.ts'
import { type TestAppOptions, testApp } from '../../../helpers/test-app.ts'

/** Every call of the official client that this API supports, over HTTP. */

// The client reports its use to a host on the internet unless this is set before it is loaded.
vi.hoisted(() => {
  process.env['MEM0_TELEMETRY'] = 'false'
})

const KEY = 'the-key-of-the-npm-client'
const apiKeys = [{ namespace: 'one', sha256: sha256Of(KEY) }]

// biome-ignore lint/suspicious/noExplicitAny: answers, which the test examines; their types in the package are incomplete
type Any = any

async function start(options: TestAppOptions = {}, apiKey = KEY) {
  const app = testApp({ apiKeys, ...options })
  const client = new MemoryClient({ apiKey, host: `${await app.listen()}/mem0` })
  return { ...app, client }
}

const ada = { filters: { user_id: 'ada' } }

it('answers the ping of the constructor', async () => {
  const { client } = await start()
  await client.ping()
  expect(client).toMatchObject({ organizationId: 'one', projectId: 'one' })
})

it('adds, searches, lists, reads, updates and deletes memories', async () => {
  const { client } = await start()
  const added: Any = await client.add([{ role: 'user', content: 'I am allergic to peanuts.' }], {
    userId: 'ada',
    metadata: { channelName: 'web' },
  })
  expect(added).toMatchObject({ status: 'SUCCEEDED', eventId: expect.any(String) })
  expect(added.results).toMatchObject([{ event: 'ADD', memory: 'I am allergic to peanuts.' }])
  await client.add([{ role: 'user', content: 'My sister lives in Lisbon.' }], { userId: 'ada' })
  await client.add([{ role: 'user', content: 'I am allergic to cats.' }], { userId: 'ben' })

  const { results } = await client.search('Any allergies?', { ...ada, topK: 3 })
  expect(results[0]).toMatchObject({
    memory: 'I am allergic to peanuts.',
    userId: 'ada',
    metadata: { channelName: 'web' },
    categories: [],
    score: expect.any(Number),
  })
  expect(results.map(({ memory }) => memory)).not.toContain('I am allergic to cats.')

  const all = await client.getAll(ada)
  expect(all).toMatchObject({ count: 2, next: null, previous: null })
  const second = await client.getAll({ ...ada, page: 2, pageSize: 1 })
  expect(second).toMatchObject({ count: 2, next: null, previous: expect.stringContaining('page=1') })
  expect(second.results.map(({ memory }) => memory)).toEqual(['I am allergic to peanuts.'])

  const id = results[0]?.id as string
  expect(await client.get(id)).toMatchObject({
    id,
    memory: 'I am allergic to peanuts.',
    expirationDate: null,
  })
  const updated: Any = await client.update(id, { text: 'Allergic to nuts.', expirationDate: '2999-01-31' })
  expect(updated).toMatchObject({ id, text: 'Allergic to nuts.', expirationDate: '2999-01-31' })
  await client.update(id, { expirationDate: null })
  expect(await client.get(id)).toMatchObject({ memory: 'Allergic to nuts.', expirationDate: null })
  const history = await client.history(id)
  expect(history.map(({ event, oldMemory, newMemory }) => [event, oldMemory, newMemory])).toEqual([
    ['ADD', null, 'I am allergic to peanuts.'],
    ['UPDATE', 'I am allergic to peanuts.', 'Allergic to nuts.'],
    ['UPDATE', 'Allergic to nuts.', 'Allergic to nuts.'],
  ])
  expect(history[0]).toMatchObject({ memoryId: id, userId: 'ada' })

  expect(await client.delete(id)).toEqual({ message: 'Memory deleted successfully!' })
  await expect(client.get(id)).rejects.toMatchObject({ name: 'MemoryNotFoundError' })
  expect((await client.getAll(ada)).count).toBe(1)
})

it('updates and deletes in batches', async () => {
  const { client } = await start()
  for (const content of ['I like tea.', 'I like bees.'])
    await client.add([{ role: 'user', content }], { userId: 'ada' })
  const ids = (await client.getAll(ada)).results.map(({ id }) => id)
  await client.batchUpdate(ids.map((memoryId, i) => ({ memoryId, text: `Text ${i}` })))
  expect((await client.getAll(ada)).results.map(({ memory }) => memory)).toEqual(['Text 0', 'Text 1'])
  await client.batchDelete(ids)
  expect((await client.getAll(ada)).count).toBe(0)
})

it('lists users and agents, and erases them', async () => {
  const { client } = await start()
  await client.add([{ role: 'user', content: 'I like tea.' }], { userId: 'ada' })
  await client.add([{ role: 'user', content: 'I answer in rhymes.' }], { agentId: 'poet' })
  const users = await client.users()
  expect(users.results.map(({ type, name }) => [type, name])).toEqual([
    ['user', 'ada'],
    ['agent', 'poet'],
  ])
  expect((await client.getAll({ filters: { agent_id: 'poet' } })).results).toMatchObject([
    { memory: 'I answer in rhymes.', agentId: 'poet', userId: null },
  ])
  await client.deleteUsers({ agentId: 'poet' })
  expect((await client.users()).results.map(({ name }) => name)).toEqual(['ada'])
  await client.deleteUsers()
  expect((await client.users()).count).toBe(0)
})

it('deletes all memories of a user, or those of a run', async () => {
  const { client } = await start()
  await client.add([{ role: 'user', content: 'I like tea.' }], { userId: 'ada' })
  await client.add([{ role: 'user', content: 'I like bees.' }], { userId: 'ada', runId: 'r' })
  await client.deleteAll({ userId: 'ada', runId: 'r' })
  expect((await client.getAll(ada)).results.map(({ memory }) => memory)).toEqual(['I like tea.'])
  await client.deleteAll({ userId: 'ada' })
  expect((await client.getAll(ada)).count).toBe(0)
})

it('extracts in the background with a language model, and reports the event', async () => {
  const { client, call, services } = await start({ model: tableModel(TABLE) })
  const added: Any = await client.add([{ role: 'user', content: 'I live in Leeds' }], { userId: 'ada' })
  expect(added).toMatchObject({ status: 'PENDING', results: [] })
  const event = async () =>
    (await call('GET', `/mem0/v1/event/${added.eventId}/`, undefined, { authorization: `Token ${KEY}` })).body
  expect(await event()).toMatchObject({ id: added.eventId, status: 'PENDING', results: [] })
  await services.buffer?.flush({ namespace: 'one', userId: 'ada' })
  expect(await event()).toMatchObject({
    status: 'SUCCEEDED',
    results: [{ event: 'ADD', memory: 'Ada lives in Leeds.', id: expect.any(String) }],
  })
  expect(
    (await client.getAll({ filters: { user_id: 'ada', categories: { in: ['basic_info'] } } })).results,
  ).toMatchObject([{ memory: 'Ada lives in Leeds.', categories: ['basic_info'] }])
  const verbatim: Any = await client.add([{ role: 'user', content: 'I am a nurse' }], {
    userId: 'ada',
    infer: false,
  })
  expect(verbatim).toMatchObject({ status: 'SUCCEEDED', results: [{ memory: 'I am a nurse' }] })
})

it('raises the errors of the client, with what is wrong and what to do', async () => {
  for (const method of ['error', 'warn'] as const) vi.spyOn(console, method).mockImplementation(() => {})
  const { client } = await start()
  await expect(client.search('tea', {})).rejects.toMatchObject({
    name: 'ValidationError',
    message: expect.stringContaining('filters: expected one of user_id, agent_id, run_id, app_id'),
  })
  await expect(client.get('3c90c3cc-0d44-4b50-8888-8dd25736052a')).rejects.toMatchObject({
    name: 'ValidationError',
  })
  await expect(
    client.add([{ role: 'user', content: 'x' }], { userId: 'ada', customInstructions: 'Only food.' }),
  ).rejects.toThrow('custom_instructions: expected no value (set the rules of the app: PUT /v1/rules)')
  const stranger = await start({}, 'another-key-of-the-client')
  await expect(stranger.client.getAll(ada)).rejects.toMatchObject({ name: 'AuthenticationError' })
})
