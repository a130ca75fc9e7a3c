import { expect, it } from 'vitest'
import { MAX_BATCH_TOKENS } from '../../sidecar/memory/learn/parts.ts'
import { TABLE } from '../buffer/helpers.ts'
import { batchOf, tableModel } from '../buffer/model.ts'
import { testApp } from '../helpers/test-app.ts'

/** As the app of the tests counts them. */
const tokensOf = (text: string) => Math.ceil(text.length / 4)

it('a turn of 50,000 tokens is taken, recalled at once, and learned from in parts, from its first word to its last', async () => {
  const model = tableModel(TABLE)
  const { call } = testApp({ model })
  const filler = (seed: string) =>
    `On the ${seed} we went on about the weather and the harbour for a good while. `
      .repeat(900)
      .slice(0, 66_000)
  const contents = [
    `I live in Leeds. ${filler('first day')}`,
    `${filler('second day')} I have a cat. ${filler('third day').slice(0, 30_000)}`,
    `${filler('last day').slice(0, 40_000)} I speak Welsh.`,
  ]
  expect(tokensOf(contents.join(''))).toBeGreaterThan(50_000)
  const messages = contents.map((content) => ({ role: 'user', name: 'Ada', content }))
  const posted = await call('POST', '/v1/memories', {
    ...{ user_id: 'ada', conversation_id: 'c', turn: 1 },
    messages,
  })
  expect(posted).toMatchObject({ status: 202, body: { pending: { turns: 1 } } })
  expect(posted.body.pending.tokens).toBeGreaterThan(50_000)
  const { body: recalled } = await call('POST', '/v1/recall', { user_id: 'ada', query: 'Do I speak Welsh?' })
  expect(recalled.context).toContain('I speak Welsh')

  // A turn that comes with it has its own place among the batches.
  await call('POST', '/v1/memories', {
    ...{ user_id: 'ada', conversation_id: 'c', turn: 2 },
    messages: [{ role: 'user', name: 'Ada', content: 'I play the cello' }],
  })
  const { body: flushed } = await call('POST', '/v1/flush', { user_id: 'ada' })
  expect(flushed).toMatchObject({ reason: null, pending: { turns: 0, tokens: 0 } })
  const { body } = await call('GET', '/v1/memories?user_id=ada')
  const learned = body.memories.map(
    ({ memory, turn }: { memory: string; turn: number }) => `${turn}: ${memory}`,
  )
  expect(learned.sort()).toEqual([
    '1: Ada has a cat.',
    '1: Ada lives in Leeds.',
    '1: Ada speaks Welsh.',
    '2: Ada plays the cello.',
  ])
  const batches = model.calls.filter(({ purpose }) => purpose === 'extract').map(batchOf)
  expect(batches.length).toBeGreaterThanOrEqual(4)
  // A line of the batch says who spoke and when, besides.
  for (const batch of batches) expect(tokensOf(batch)).toBeLessThanOrEqual(MAX_BATCH_TOKENS + 100)
})
