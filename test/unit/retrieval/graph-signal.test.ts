import { describe, expect, it } from 'vitest'
import { said, testApp } from '../../helpers/test-app.ts'

const TOLD = [
  'My sister Ana lives in Osaka.',
  "My sister's dog is called Mochi.",
  'Ana works at Globex.',
  'I live in Boston.',
]

async function told() {
  const app = testApp()
  for (const content of TOLD) await app.call('POST', '/v1/memories', said(content))
  return app
}

async function search(app: Awaited<ReturnType<typeof told>>, query: string, rest: object = {}) {
  const { body, status } = await app.call('POST', '/v1/memories/search', {
    user_id: 'ada',
    query,
    explain: true,
    ...rest,
  })
  expect(status, JSON.stringify(body)).toBe(200)
  return body
}

describe('a search with the graph', () => {
  it('finds what is two steps from a name in the query, and lists the relations that it used', async () => {
    const app = await told()
    const body = await search(app, 'Where does the owner of Mochi work?', { graph: true })
    expect(body.relations).toContainEqual(
      expect.objectContaining({ subject: 'Ana', label: 'works_at', object: 'Globex' }),
    )
    const globex = body.memories.find(({ memory }: { memory: string }) => memory.includes('Globex'))
    expect(globex.parts.graph).toBeGreaterThan(0)
  })

  it('does not lead from the user to everything that the user said', async () => {
    const app = await told()
    const body = await search(app, 'Tell me about Osaka', { graph: true })
    expect(body.relations.map(({ object }: { object: string }) => object)).not.toContain('Boston')
  })

  it('changes neither scores nor order unless a request asks for it', async () => {
    const app = await told()
    const body = await search(app, 'Where does the owner of Mochi work?')
    expect(body.relations).toBeUndefined()
    for (const { parts } of body.memories) expect(parts.graph).toBe(0)
  })

  it('uses the relations of the time that as_of names', async () => {
    const app = testApp()
    const at = (content: string, day: string) => ({
      user_id: 'ada',
      messages: [{ role: 'user', content, at: `2026-${day}T12:00:00Z` }],
    })
    await app.call('POST', '/v1/memories', at('My sister Ana lives in Osaka.', '01-05'))
    await app.call('POST', '/v1/memories', at('My sister Ana moved to Kyoto.', '02-05'))
    const query = { user_id: 'ada', query: 'Where does Ana live?', explain: true, graph: true }
    const then = await app.call('POST', '/v1/memories/search', { ...query, as_of: '2026-01-20T00:00:00Z' })
    const objects = then.body.relations.map(({ object }: { object: string }) => object)
    expect(objects).toContain('Osaka')
    expect(objects).not.toContain('Kyoto')
  })
})
