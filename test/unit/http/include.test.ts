import { describe, expect, it } from 'vitest'
import { tokenCounter } from '../../../sidecar/text/token-counter.ts'
import { said, testApp } from '../../helpers/test-app.ts'

async function known() {
  const app = testApp()
  for (const text of ['My sister Ana lives in Osaka.', 'I work at Globex.', 'I am allergic to peanuts.']) {
    await app.call('POST', '/v1/memories', said(text, { agent_id: 'one' }))
  }
  await app.call('POST', '/v1/memories', said('I was born in Lima.', { agent_id: 'two' }))
  const recall = async (body: object) => {
    const answer = await app.call('POST', '/v1/recall', {
      user_id: 'ada',
      query: 'Where does Ana live?',
      ...body,
    })
    expect(answer.status, JSON.stringify(answer.body)).toBe(200)
    return answer.body
  }
  return { app, recall }
}

const ALL = ['memories', 'profile', 'entities', 'relations', 'summary']

describe('include', () => {
  it('adds profile, entities and relations to the memories, within one token budget', async () => {
    const { recall } = await known()
    const count = await tokenCounter()
    for (const token_budget of [60, 200, 1500]) {
      const { context, tokens } = await recall({ include: ALL, token_budget })
      expect(tokens).toBe(count(context))
      expect(tokens).toBeLessThanOrEqual(token_budget)
    }
    const { context, parts } = await recall({ include: ALL })
    expect(parts.relations).toContain('user · sister · Ana')
    expect(parts.entities).toContain('Osaka (place)')
    expect(parts.profile).toContain('peanuts')
    for (const part of Object.values(parts) as string[]) expect(context).toContain(part)
  })

  it('keeps the context as it is without include', async () => {
    const { recall } = await known()
    const [plain, only] = [await recall({}), await recall({ include: ['memories'] })]
    expect(plain.parts).toBeUndefined()
    expect(only.context).toBe(plain.context)
  })

  it('shows no relation of another agent', async () => {
    const { recall } = await known()
    const { parts } = await recall({ include: ['memories', 'relations', 'entities'], agent_id: 'one' })
    expect(JSON.stringify(parts)).not.toContain('Lima')
    expect(parts.relations).toContain('Globex')
  })

  it('refuses an unknown part', async () => {
    const { app } = await known()
    const { status, body } = await app.call('POST', '/v1/recall', {
      user_id: 'ada',
      query: 'x',
      include: ['graph'],
    })
    expect(status).toBe(400)
    expect(body.error.message).toContain('expected summary, profile, entities, relations, memories')
  })
})
