import { describe, expect, it } from 'vitest'
import type { Embedder } from '../../../../sidecar/ports/embedder.ts'
import { said, testApp } from '../../../helpers/test-app.ts'
import { modelSaying } from '../extraction/fake-model.ts'

const fact = (text: string) => ({
  text,
  topic: 'other',
  sub_topic: '',
  messages: [1],
  importance: 3,
  event_date: null,
})
const relation = (subject: string, predicate: string, object: string) => ({
  ...{ subject, predicate, object, messages: [1], event_date: null },
})
const answer = (facts: object[], entities: object[], relations: object[]) =>
  JSON.stringify({ facts, entities, relations, summary: '' })

/** Names with the same last word are the same direction; all other texts differ. */
const embedder: Embedder = {
  name: 'last-words',
  dimensions: 64,
  embed: async (texts) =>
    texts.map((text) => {
      const vector = new Float32Array(64)
      const last = text.split(' ').at(-1) ?? ''
      vector[[...last].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 64, 7)] = 1
      return vector
    }),
}

describe('what the extraction answer says of entities and relations', () => {
  it('is stored with the memory that states it, under one label and one name of the user', async () => {
    const model = modelSaying(
      answer(
        [fact('Ada lives in Porto.'), fact('Ada plays the cello.')],
        [{ name: 'Porto', type: 'city' }],
        [relation('the user', 'resides in', 'Porto'), relation('Ada', 'knows', 'Zoe')],
      ),
    )
    const app = testApp({ model })
    await app.call('POST', '/v1/memories', said('I live in Porto. I play the cello.', { mode: 'sync' }))
    const { body } = await app.call('GET', '/v1/graph?user_id=ada&entity=Porto')
    const names = new Map(body.nodes.map(({ id, name }: { id: string; name: string }) => [id, name]))
    const [edge] = body.edges
    expect([names.get(edge.subject), edge.label, names.get(edge.object)]).toEqual([
      'user',
      'lives_in',
      'Porto',
    ])
    expect(body.nodes.find(({ name }: { name: string }) => name === 'Porto').type).toBe('place')
    await app.call('DELETE', `/v1/memories/${edge.memories[0]}?user_id=ada`)
    const after = await app.call('GET', '/v1/entities?user_id=ada')
    expect(JSON.stringify(after.body)).not.toContain('Porto')
  })

  it('is read from the messages by patterns where the model found no relation', async () => {
    const app = testApp({ model: modelSaying(answer([fact('Ada lives in Porto.')], [], [])) })
    await app.call('POST', '/v1/memories', said('I live in Porto.', { mode: 'sync' }))
    const { body } = await app.call('GET', '/v1/graph?user_id=ada')
    expect(body.edges).toMatchObject([{ label: 'lives_in', ended: null }])
  })

  it('joins a similar name of the same type to the known entity, until this is taken back', async () => {
    const model = modelSaying(
      answer([fact('Robert Smith is a potter.')], [{ name: 'Robert Smith', type: 'person' }], []),
      answer([fact('Bob Smith sings.')], [{ name: 'Bob Smith', type: 'person' }], []),
      answer([fact('Pub Smith is closed.')], [{ name: 'Pub Smith', type: 'place' }], []),
    )
    const app = testApp({ model, embedder })
    for (const content of ['Robert Smith is a potter.', 'Bob Smith sings.', 'Pub Smith is closed.']) {
      await app.call('POST', '/v1/memories', said(content, { mode: 'sync' }))
    }
    const list = async () => (await app.call('GET', '/v1/entities?user_id=ada')).body.entities
    const persons = (await list()).filter(({ type }: { type: string }) => type === 'person')
    expect(persons).toMatchObject([{ aliases: [{ reason: 'similar', score: 1 }], count: 2 }])
    expect(await list()).toHaveLength(2)
    const [{ id, aliases }] = persons
    const path = `/v1/entities/${id}/split`
    const split = await app.call('POST', path, { user_id: 'ada', name: aliases[0].name })
    expect(split.status, JSON.stringify(split.body)).toBe(200)
    expect(await list()).toHaveLength(3)
  })

  it('is compared with the names in the 500 latest memories, however many the user has', async () => {
    const model = modelSaying(
      answer([fact('Robert Smith is a potter.')], [{ name: 'Robert Smith', type: 'person' }], []),
    )
    let read = 0
    const app = testApp({
      model,
      embedder,
      wrapRecords: (records) => ({
        ...records,
        scroll: async (collection, scope, options) => {
          const page = await records.scroll(collection, scope, options)
          if (collection === 'memories' || collection === 'versions') read += page.length
          return page
        },
      }),
    })
    for (let turn = 1; turn <= 12; turn++) {
      const messages = Array.from({ length: 50 }, (_, i) => {
        return { role: 'user', content: `I have counted ${50 * turn + i} swallows.` }
      })
      const stored = await app.call('POST', '/v1/memories', { user_id: 'ada', mode: 'verbatim', messages })
      expect(stored.body).toMatchObject({ events: { length: 50 } })
    }
    read = 0
    await app.call('POST', '/v1/memories', said('Robert Smith is a potter.', { mode: 'sync' }))
    expect(read).toBe(500)
  })
})
