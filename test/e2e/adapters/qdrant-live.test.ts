import { randomUUID } from 'node:crypto'
import { QdrantClient } from '@qdrant/js-client-rest'
import { describe, expect, it } from 'vitest'
import { openQdrantRecords } from '../../../sidecar/adapters/qdrant/records.ts'
import type { RecordStore } from '../../../sidecar/ports/records.ts'
import { tryCase } from '../../contract/contract.ts'
import { put } from '../../contract/records.ts'
import { CASES_BY_DIMENSIONS } from '../../helpers/fake-qdrant/subject.ts'

const URL_SET = process.env['QDRANT_URL'] ?? ''
const API_KEY = process.env['QDRANT_API_KEY']
const TIMEOUT_MS = 60_000

/** A store with its own prefix; its collections are deleted at the end. */
function liveStore(dimensions: number) {
  const prefix = `hippocache-test-${randomUUID().slice(0, 8)}_`
  const stores: RecordStore[] = []
  return {
    async open(name = 'test') {
      const store = await openQdrantRecords({
        url: URL_SET,
        apiKey: API_KEY,
        prefix,
        timeoutMs: 20_000,
        embedder: { name, dimensions },
      })
      stores.push(store)
      return store
    },
    async close() {
      for (const store of stores) await store.close()
      const client = new QdrantClient({
        url: URL_SET,
        headers: API_KEY ? { 'api-key': API_KEY } : {},
        checkCompatibility: false,
      })
      const { collections } = await client.getCollections()
      for (const { name } of collections) if (name.startsWith(prefix)) await client.deleteCollection(name)
    },
  }
}

describe.skipIf(URL_SET === '')('the store on a real Qdrant server (set QDRANT_URL)', () => {
  const cases = CASES_BY_DIMENSIONS.flatMap(({ dimensions, cases }) =>
    cases.map((one) => ({ dimensions, name: one.name, one })),
  )

  it.each(cases)(
    '$name',
    async ({ dimensions, one }) => {
      await tryCase(one, async () => {
        const live = liveStore(dimensions)
        const store = await live.open()
        let current = store
        const reopen = async () => {
          await current.close()
          current = await live.open()
          return current
        }
        return { subject: { store, reopen }, close: () => live.close() }
      })
    },
    TIMEOUT_MS,
  )

  it(
    'keeps its scopes in order, and the records of two embedders apart',
    async () => {
      const live = liveStore(2)
      try {
        const scopes = Array.from({ length: 30 }, (_, i) => `default/${i}`).sort()
        const before = await live.open('one')
        const dense = new Float32Array([0.6, 0.8])
        await before.commit(scopes.map((scope) => put('x', { scope, dense })))
        expect(await before.scopes('memories', { limit: 100 })).toEqual(scopes)
        expect(await before.scopes('memories', { after: scopes[9], limit: 5 })).toEqual(scopes.slice(10, 15))
        await before.close()
        const after = await live.open('other')
        expect(await after.get('memories', 'default/0', 'x')).toBeUndefined()
        await after.commit(scopes.map((scope) => put('x', { scope, dense })))
        await after.generations?.adopt()
        expect(await after.generations?.dropOthers()).toBe(1)
        for (const scope of scopes) {
          expect(await after.scroll('memories', scope, { limit: 3 })).toHaveLength(1)
        }
      } finally {
        await live.close()
      }
    },
    TIMEOUT_MS,
  )
})
