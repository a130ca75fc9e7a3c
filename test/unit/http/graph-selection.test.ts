import { describe, expect, it } from 'vitest'
import { said, type TestApp, testApp } from '../../helpers/test-app.ts'

async function moved(): Promise<TestApp> {
  const app = testApp()
  await app.call('POST', '/v1/memories', said('I live in Boston.', { agent_id: 'one', app_id: 'a' }))
  await app.call('POST', '/v1/memories', said('I live in Seattle.', { agent_id: 'two', run_id: 'r' }))
  return app
}

const SELECTIONS = [
  ['agent_id=one', ['Boston']],
  ['agent_id=two', ['Seattle']],
  ['app_id=a', ['Boston']],
  ['run_id=r', ['Seattle']],
  ['agent_id=one&run_id=r', []],
] as const

describe.each(SELECTIONS)('the graph routes with %s', (selection, places) => {
  it('answer from the selected memories alone', async () => {
    const app = await moved()
    const get = async (path: string) => {
      const { status, body } = await app.call('GET', `${path}?user_id=ada&${selection}`)
      expect(status, JSON.stringify(body)).toBe(200)
      return body
    }
    const named = (entities: { name: string }[]) =>
      entities.map(({ name }) => name).filter((name) => name !== 'user')
    const graph = await get('/v1/graph')
    expect(named(graph.nodes)).toEqual(places)
    // The later statement to another agent does not end the earlier one.
    expect(graph.edges).toHaveLength(places.length)
    const { entities } = await get('/v1/entities')
    expect(named(entities)).toEqual(places)
    const { facts } = await get('/v1/timeline')
    expect(facts.map(({ memory }: { memory: string }) => memory)).toEqual(
      places.map((place) => `I live in ${place}.`),
    )
    for (const { id } of entities) {
      const { mentions, relations } = await get(`/v1/entities/${id}`)
      expect([mentions.length, relations.length]).toEqual([1, 1])
    }
  })
})
