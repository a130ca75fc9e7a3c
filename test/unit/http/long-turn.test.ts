import { expect, it } from 'vitest'
import { MAX_BATCH_TOKENS } from '../../../sidecar/learning/learner/parts.ts'
import { batchOf, TABLE, tableModel } from '../../helpers/learning/buffer/model.ts'
import { testApp } from '../../helpers/test-app.ts'

/** Uses the token counter of the test app. */
const tokensOf = (text: string) => Math.ceil(text.length / 4)

it('accepts a turn of 50,000 tokens, recalls it before extraction and extracts all of it in parts', async () => {
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

  // A turn sent with it gets its own batch.
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
  // Each line of the batch also contains speaker and time.
  for (const batch of batches) expect(tokensOf(batch)).toBeLessThanOrEqual(MAX_BATCH_TOKENS + 100)
})
