import { expect, it } from 'vitest'
import { catchUp } from '../../../../sidecar/cli/dify/catch-up.ts'
import { createDify } from '../../../../sidecar/cli/dify/client.ts'
import type { Client } from '../../../../sidecar/cli/transfer/client.ts'
import { APP_KEY, startFakeDify } from '../../../helpers/cli/dify/fake-dify.ts'
import { type TestApp, testApp } from '../../../helpers/test-app.ts'

/** A client of the app in this process. */
function clientOf({ call }: TestApp): Client {
  async function send(method: string, path: string, body?: unknown) {
    const { status, body: answer } = await call(method, path, body)
    if (status < 300) return { ok: true, body: answer } as const
    return { ok: false, status, reason: String(answer.error.message) } as const
  }
  return {
    checkConnection: async () => {},
    stream: async () => new ReadableStream(),
    get: (path, query = {}) => send('GET', `${path}?${new URLSearchParams(query)}`),
    post: (path, body) => send('POST', path, body),
  }
}

async function setUp() {
  const dify = await startFakeDify()
  const app = testApp()
  return {
    dify,
    app,
    catchUp: (more: Partial<Parameters<typeof catchUp>[0]> = {}) =>
      catchUp({
        dify: createDify({ url: dify.url, key: APP_KEY }),
        sidecar: clientOf(app),
        ...{ users: [], conversations: [], since: undefined, appId: undefined, isDryRun: false },
        bar: { draw: () => {}, say: () => {} },
        signal: new AbortController().signal,
        ...more,
      }),
    add: (conversation_id: string, turn: number, words: string[]) =>
      app.call('POST', '/v1/memories', {
        ...{ user_id: 'ada', conversation_id, turn },
        messages: words.map((content, i) => ({ role: i === 0 ? 'user' : 'assistant', content })),
      }),
    async turnsOf(id: string) {
      const { body } = await app.call('GET', `/v1/conversations/${id}/timeline?user_id=ada&limit=200`)
      return body.turns as { turn: number; messages: { role: string; content: string }[] }[]
    },
  }
}

it('adds only the missing turns, once, with their numbers and times', async () => {
  const { dify, app, add, catchUp, turnsOf } = await setUp()
  const { messages } = dify.add('c1', 'ada', Array(130).fill(null))
  dify.add('web', 'ada', [null, null], { isListed: false })
  dify.add('c3', 'bob', [null])
  await add('c1', 2, ['my own words'])
  // The number that sys.dialogue_count gave to the 4th message.
  await add('c1', 300, ['question 4', 'answer to question 4'])
  await add('web', 1, ['question 1', 'answer to question 1'])
  // A stopped run, and an answer that was generated again.
  Object.assign(messages[4] as object, { answer: '' })
  for (const i of [6, 7]) Object.assign(messages[i] as object, { parent: messages[5]?.id })

  const counts = { users: 1, conversations: 2, added: 128, present: 3, refused: 0, interrupted: false }
  expect(await catchUp({ isDryRun: true })).toEqual(counts)
  expect(await turnsOf('c1')).toHaveLength(2)
  // Without users: ada is known to the sidecar, bob is not.
  expect(await catchUp()).toEqual(counts)
  expect(await catchUp()).toEqual({ ...counts, added: 0, present: 131 })
  expect((await turnsOf('web')).map(({ turn }) => turn)).toEqual([2, 1])
  const c1 = new Map((await turnsOf('c1')).map(({ turn, messages }) => [turn, messages]))
  expect(c1.get(2)).toEqual([{ role: 'user', content: 'my own words' }])
  expect(c1.get(5)).toEqual([{ role: 'user', content: 'question 5' }])
  expect(c1.get(129)).toEqual([
    { role: 'user', content: 'question 130' },
    { role: 'assistant', content: 'answer to question 130' },
  ])
  await catchUp({ users: ['bob'], conversations: ['c3'], appId: 'app-1' })
  const { body } = await app.call('GET', '/v1/memories?user_id=bob')
  expect(body.memories[0]).toMatchObject({ at: expect.stringMatching(/^2025-/) })
})

it('continues an interrupted run, and reports turns that the sidecar refuses', async () => {
  const { dify, catchUp } = await setUp()
  dify.add('c1', 'ada', [null, null, null])
  const stop = new AbortController()
  const said: string[] = []
  const first = await catchUp({
    users: ['ada'],
    signal: stop.signal,
    bar: { draw: () => stop.abort(), say: () => {} },
  })
  expect(first).toMatchObject({ added: 0, interrupted: true })
  expect(await catchUp({ users: ['ada'] })).toMatchObject({ added: 3, interrupted: false })
  const bar = { draw: () => {}, say: (text: string) => said.push(text) }
  dify.add('c2', 'ada', [null])
  const appId = 'x'.repeat(300)
  expect(await catchUp({ users: ['ada'], bar, appId })).toMatchObject({ added: 0, present: 3, refused: 1 })
  expect(said).toEqual([expect.stringMatching(/^c2 turn 1: app_id: /)])
})

it('pages of messages lose none that share a second with the border of a page', async () => {
  const dify = await startFakeDify()
  const { messages } = dify.add('c1', 'ada', Array(230).fill(null))
  for (const [i, message] of messages.entries()) message.createdAt = 1_760_000_000 + Math.floor(i / 3)
  const client = createDify({ url: dify.url, key: APP_KEY })
  const pages = await Array.fromAsync(client.messagesOf('ada', 'c1'))
  expect(
    pages
      .reverse()
      .flat()
      .map(({ id }) => id),
  ).toEqual(messages.map(({ id }) => id))
})
