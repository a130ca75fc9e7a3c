import { describe, expect, it } from 'vitest'
import STORIES from '../../../../bench/demo/stories.json' with { type: 'json' }
import { type TestApp, testApp } from '../../../helpers/test-app.ts'

/** Two lives with a move, another job, a wedding, a sister with a dog; and what is said in between. */
const EXPECTED = {
  en: { homes: ['Boston', 'Seattle'], jobs: ['Initech', 'Globex'] },
  ja: { homes: ['名古屋', '札幌'], jobs: ['日立', '任天堂'] },
} as const

async function tell(app: TestApp, user: keyof typeof STORIES): Promise<void> {
  for (const [i, [at, content]] of STORIES[user].entries()) {
    const { status } = await app.call('POST', '/v1/memories', {
      user_id: user,
      conversation_id: `talk-${user}`,
      turn: i + 1,
      messages: [{ role: 'user', content, at }],
    })
    expect(status).toBe(200)
  }
}

/** The edges of an answer as `subject label object`, by name. */
async function edges(app: TestApp, query: string): Promise<string[]> {
  const { body, status } = await app.call('GET', `/v1/graph?${query}`)
  expect(status, JSON.stringify(body)).toBe(200)
  const names = new Map(body.nodes.map(({ id, name }: { id: string; name: string }) => [id, name]))
  return body.edges.map((edge: { subject: string; label: string; object: string }) =>
    [names.get(edge.subject), edge.label, names.get(edge.object)].join(' '),
  )
}

describe.each(['en', 'ja'] as const)('the graph of a life told in twenty turns (%s)', (user) => {
  const { homes, jobs } = EXPECTED[user]

  it('answers what was true in March', async () => {
    const app = testApp()
    await tell(app, user)
    const march = await edges(app, `user_id=${user}&entity=user&depth=1&as_of=2026-03-15T00:00:00Z`)
    expect(march).toContain(`user lives_in ${homes[0]}`)
    expect(march).toContain(`user works_at ${jobs[0]}`)
    expect(march.filter((edge) => /lives_in|works_at|married/.test(edge))).toHaveLength(2)
  })

  it('keeps a replaced relation with its reason and turn, and restores it', async () => {
    const app = testApp()
    await tell(app, user)
    const { body } = await app.call('GET', `/v1/graph?user_id=${user}&entity=user&depth=1&ended=true`)
    const old = body.edges.find(
      (edge: { ended: unknown; label: string }) => edge.ended && edge.label === 'lives_in',
    )
    const newer = body.edges.find(
      (edge: { ended: unknown; label: string }) => !edge.ended && edge.label === 'lives_in',
    )
    expect(old.ended).toEqual({ reason: 'replaced', relation: newer.id, turn_id: newer.sources[0].turn_id })
    expect(old.valid_until).toBe('2026-04-11T10:25:00.000Z')
    const restored = await app.call('POST', `/v1/relations/${old.id}/restore?user_id=${user}`)
    expect(restored.status, JSON.stringify(restored.body)).toBe(200)
    const after = await edges(app, `user_id=${user}&entity=user&depth=1`)
    expect(after).toEqual(expect.arrayContaining([`user lives_in ${homes[0]}`, `user lives_in ${homes[1]}`]))
  })

  it('deletes relations and orphaned entities with their memory, and revives what they replaced', async () => {
    const app = testApp()
    await tell(app, user)
    const { body } = await app.call('GET', `/v1/memories?user_id=${user}&limit=100`)
    const moved = body.memories.find(({ memory }: { memory: string }) => memory.includes(homes[1]))
    await app.call('DELETE', `/v1/memories/${moved.id}?user_id=${user}`)
    const after = await edges(app, `user_id=${user}&entity=user&depth=1&ended=true`)
    expect(after.filter((edge) => edge.includes('lives_in'))).toEqual([`user lives_in ${homes[0]}`])
    const entities = await app.call('GET', `/v1/entities?user_id=${user}&limit=200`)
    expect(JSON.stringify(entities.body)).not.toContain(homes[1])
  })
})
