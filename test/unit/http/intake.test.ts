import { describe, expect, it } from 'vitest'
import { testApp } from '../../helpers/test-app.ts'

const MESSAGES = [
  { role: 'user', content: 'I live in Kyoto.' },
  { role: 'assistant', content: 'Kyoto has many temples.' },
]

describe('the rule remember', () => {
  const remembered = async (rule: string, asked?: string) => {
    const { call } = testApp()
    await call('PUT', '/v1/rules', { rules: { remember: rule } })
    const { body } = await call('POST', '/v1/memories', {
      user_id: 'ada',
      messages: MESSAGES,
      ...(asked ? { remember: asked } : {}),
    })
    return body.events.map(({ memory }: { memory: string }) => memory)
  }
  const [user, assistant] = MESSAGES.map(({ content }) => content)

  it.each([
    ['both', undefined, [user, assistant]],
    ['both', 'user', [user]],
    ['user', undefined, [user]],
    ['assistant', 'both', [assistant]],
    // A request may narrow the rule of the app but not widen it.
    ['user', 'both', [user]],
    ['user', 'assistant', [user]],
  ])(
    'with rule %s and request %s stores the messages of the allowed roles',
    async (rule, asked, expected) => {
      expect(await remembered(rule, asked)).toEqual(expected)
    },
  )
})

describe('retention', () => {
  it('applies the retention of * to verbatim memories', async () => {
    const { call, clock } = testApp()
    await call('PUT', '/v1/rules', { rules: { retention_days: { '*': 2 } } })
    await call('POST', '/v1/memories', { user_id: 'ada', messages: MESSAGES })
    const count = async () => (await call('GET', '/v1/memories?user_id=ada')).body.memories.length
    const found = async () =>
      (await call('POST', '/v1/memories/search', { user_id: 'ada', query: 'Kyoto' })).body.memories.length
    expect([await count(), await found()]).toEqual([2, 2])
    clock.advance(2 * 86_400_000)
    expect([await count(), await found()]).toEqual([0, 0])
  })
})
