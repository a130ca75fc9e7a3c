import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import STORIES from '../../bench/demo/stories.json' with { type: 'json' }
import { type SidecarProcess, startSidecar } from '../../bench/lib/sidecar-process.ts'
import { type FakeQdrant, startFakeQdrant } from '../helpers/fake-qdrant/server.ts'

const EXPECTED = {
  en: {
    ...{ sister: 'Ana', dog: 'Mochi', spouse: 'Tom', allergy: 'peanuts', sistersHome: 'Osaka' },
    ...{ homes: ['Boston', 'Seattle'], jobs: ['Initech', 'Globex'] },
  },
  ja: {
    ...{ sister: 'アナ', dog: 'モチ', spouse: 'ケン', allergy: 'ピーナッツ', sistersHome: '大阪' },
    ...{ homes: ['名古屋', '札幌'], jobs: ['日立', '任天堂'] },
  },
} as const
const LANGUAGES = ['en', 'ja'] as const

describe.each(['SQLite', 'Qdrant (fake)'])('a life told in twenty turns over HTTP, on %s', (backend) => {
  let sidecar: SidecarProcess
  let qdrant: FakeQdrant | undefined

  const call = async (method: string, path: string, body?: object) => {
    const init = {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    }
    const response = await fetch(`${sidecar.url}${path}`, init)
    const text = await response.text()
    expect(response.status, text).toBe(200)
    return JSON.parse(text)
  }
  /** The edges as `subject label object`, by name, sorted. */
  const edges = async (query: string): Promise<string[]> => {
    const { nodes, edges } = await call('GET', `/v1/graph?${query}`)
    const names = new Map(nodes.map(({ id, name }: Record<string, string>) => [id, name]))
    return edges
      .map((edge: Record<string, string>) =>
        [names.get(edge['subject']), edge['label'], names.get(edge['object'])].join(' '),
      )
      .sort()
  }

  beforeAll(async () => {
    if (backend !== 'SQLite') qdrant = await startFakeQdrant()
    sidecar = await startSidecar(qdrant && { QDRANT_URL: qdrant.url })
    for (const user_id of LANGUAGES) {
      for (const [i, [at, content]] of STORIES[user_id].entries()) {
        const messages = [{ role: 'user', content, at }]
        await call('POST', '/v1/memories', {
          user_id,
          conversation_id: `talk-${user_id}`,
          turn: i + 1,
          messages,
        })
      }
    }
  }, 120_000)
  afterAll(async () => {
    await sidecar[Symbol.asyncDispose]()
    await qdrant?.[Symbol.asyncDispose]()
  })

  describe.each(LANGUAGES)('in %s', (user) => {
    const { sister, dog, spouse, allergy, sistersHome, homes, jobs } = EXPECTED[user]

    it("knows two steps away: the home of the user's sister and her dog", async () => {
      const now = await edges(`user_id=${user}&entity=user&depth=2`)
      const own = [
        `lives_in ${homes[1]}`,
        `works_at ${jobs[1]}`,
        `married_to ${spouse}`,
        `allergic_to ${allergy}`,
      ]
      expect(now).toEqual(
        [
          ...own.map((relation) => `user ${relation}`),
          ...[`user sister ${sister}`, `${sister} lives_in ${sistersHome}`, `${sister} dog ${dog}`],
        ].sort(),
      )
    })

    it('knows what was true in March', async () => {
      const march = await edges(`user_id=${user}&entity=user&depth=1&as_of=2026-03-15T00:00:00Z`)
      expect(march).toEqual(
        [
          ...[`user lives_in ${homes[0]}`, `user works_at ${jobs[0]}`],
          ...[`user sister ${sister}`, `user allergic_to ${allergy}`],
        ].sort(),
      )
    })

    it('tells the dated facts in order, and the entities that are mentioned most', async () => {
      const { facts } = await call('GET', `/v1/timeline?user_id=${user}`)
      const told = facts.map(({ date }: { date: string }) => date)
      expect(told).toEqual([
        '2026-01-05',
        '2026-01-05',
        '2026-01-20',
        '2026-04-11',
        '2026-05-03',
        '2026-06-21',
      ])
      const { entities } = await call('GET', `/v1/entities?user_id=${user}&type=person`)
      expect(entities.map(({ name }: { name: string }) => name)).toEqual(
        expect.arrayContaining([sister, spouse]),
      )
    })

    it('takes relations and entities along with a deleted memory, and leaves nothing of a forgotten user', async () => {
      const { memories } = await call('GET', `/v1/memories?user_id=${user}&limit=100`)
      const ofDog = memories.filter(({ memory }: { memory: string }) => memory.includes(dog))
      for (const { id } of ofDog) await call('DELETE', `/v1/memories/${id}?user_id=${user}`)
      const left = await edges(`user_id=${user}&ended=true`)
      expect(left.filter((edge) => edge.includes(dog))).toEqual([])
      expect(left).toContain(`user sister ${sister}`)
      const { unknown } = await call('GET', `/v1/graph?user_id=${user}&entity=${encodeURIComponent(dog)}`)
      expect(unknown).toEqual([dog])

      await call('DELETE', `/v1/memories?user_id=${user}`)
      expect(await call('GET', `/v1/graph?user_id=${user}&ended=true`)).toMatchObject({
        nodes: [],
        edges: [],
      })
      expect(await call('GET', `/v1/entities?user_id=${user}`)).toMatchObject({ entities: [], types: {} })
      expect(await call('GET', `/v1/timeline?user_id=${user}`)).toMatchObject({ facts: [], months: [] })
    })
  })
})
