import { expect, it } from 'vitest'
import { testApp } from '../../helpers/test-app.ts'

const SAID = ['I live in Leeds.', 'I have a cat.', 'I moved to Porto.', 'I have a cat.', 'I play the cello.']

it('has the same memories, ids and history, but for updated_at, after a conversation was posted three times', async () => {
  const { call, clock } = testApp()
  const post = async () => {
    for (const [i, content] of SAID.entries()) {
      const messages = [{ role: 'user', content, at: `2026-03-0${i + 1}T10:00:00Z` }]
      await call('POST', '/v1/memories', { user_id: 'ada', conversation_id: 'c', turn: i + 1, messages })
    }
  }
  const state = async () => {
    const { body } = await call('GET', '/v1/memories?user_id=ada')
    const memories = body.memories.map(
      ({ updated_at: _, ...rest }: { updated_at: string; id: string }) => rest,
    )
    const histories = memories.map(({ id }: { id: string }) =>
      call('GET', `/v1/memories/${id}/history?user_id=ada`),
    )
    return { memories, histories: (await Promise.all(histories)).map(({ body }) => body) }
  }
  await post()
  const first = await state()
  expect(first.memories).toHaveLength(4)
  for (let again = 0; again < 2; again++) {
    clock.advance(60_000)
    await post()
    expect(await state()).toEqual(first)
  }
})
