import { expect, it } from 'vitest'
import { warmUp } from '../../../../sidecar/retrieval/strategies/warm-up.ts'
import { said, testApp } from '../../../helpers/test-app.ts'

const FACTS = [
  'I live in Kyoto.',
  'I am allergic to peanuts.',
  'I row.',
  'I play the cello.',
  'I fear geese.',
  'I like tea.',
]

it('recalls by the latest memories of one user, which no metric counts', async () => {
  const app = testApp()
  for (const fact of FACTS) {
    await app.call('POST', '/v1/memories', said(fact))
    app.clock.advance(1000)
  }
  const { records, strategies } = app.services
  const before = await (await app.fetch('/metrics')).text()
  const contexts: string[] = []
  await warmUp(records, {
    async recall(...args) {
      const result = await strategies.recall(...args)
      contexts.push(result.context)
      return result
    },
  })
  expect(contexts).toEqual(
    FACTS.slice(1)
      .toReversed()
      .map((fact) => expect.stringContaining(fact)),
  )
  const recalls = (text: string) => text.split('\n').filter((line) => line.includes('recall'))
  expect(recalls(await (await app.fetch('/metrics')).text())).toEqual(recalls(before))
})

it('does nothing without memories', async () => {
  const { records, strategies } = testApp().services
  let recalls = 0
  await warmUp(records, {
    recall: (...args) => {
      recalls += 1
      return strategies.recall(...args)
    },
  })
  expect(recalls).toBe(0)
})
