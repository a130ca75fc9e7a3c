import { expect, it } from 'vitest'
import { neighboursIn } from '../../../../sidecar/learning/learner/neighbours.ts'
import { said, testApp } from '../../../helpers/test-app.ts'

it('reads all neighbours of a fact at the same time', async () => {
  const app = testApp()
  for (const fact of ['I live in Kyoto.', 'I live in Oslo.', 'I live in Porto.']) {
    await app.call('POST', '/v1/memories', said(fact))
  }
  const { records, recall, embedder } = app.services
  const [dense = new Float32Array()] = await embedder.embed(['I live in Leeds.'], 'document')
  const together = Promise.withResolvers<void>()
  let reads = 0
  const store = {
    ...records,
    async get(...args: Parameters<typeof records.get>) {
      reads += 1
      if (reads === 3) together.resolve()
      await together.promise
      return await records.get(...args)
    },
  }
  const seen = new Map<string, number>()
  const find: Parameters<typeof neighboursIn>[2] = (scope, query) => recall.findSimilar(scope, query)
  const neighboursOf = neighboursIn(store, 'default/ada', find, () => true, seen)
  const fact = { text: 'I live in Leeds.', speaker: 'user', topic: 'home', subTopic: '', dense }
  const known = await neighboursOf(fact as Parameters<typeof neighboursOf>[0], 10)
  expect(known.map(({ text }) => text).sort()).toEqual([
    'I live in Kyoto.',
    'I live in Oslo.',
    'I live in Porto.',
  ])
  expect(seen.size).toBe(3)
})
