import { openQdrantRecords, type QdrantRecordsOptions } from '../../../sidecar/adapters/qdrant/records.ts'
import type { RecordStore } from '../../../sidecar/ports/records.ts'
import { type Case, caseNamed, type Open } from '../../contract/contract.ts'
import { RECORD_CASES, type RecordsSubject } from '../../contract/records.ts'
import { SEARCH_CASES, SEARCH_DIMENSIONS } from '../../contract/search.ts'
import { DEFINITION_CASES } from '../../contract/search-definition.ts'
import { type FakeQdrant, startFakeQdrant } from './server.ts'

export type Opener = typeof openQdrantRecords

/** A store on a server, with defaults for tests: timeouts for a busy machine. */
export function openOn(
  url: string,
  options: Partial<QdrantRecordsOptions> = {},
  opener: Opener = openQdrantRecords,
): Promise<RecordStore> {
  const embedder = { name: 'test', dimensions: 2 }
  return opener({ url, prefix: 'p_', timeoutMs: 5000, retryDelayMs: 1, embedder, ...options })
}

const BITS = caseNamed(RECORD_CASES, 'reads an embedding back bit by bit')

/** The cases by vector length, which is fixed per store. */
export const CASES_BY_DIMENSIONS: readonly { dimensions: number; cases: readonly Case<RecordsSubject>[] }[] =
  [
    { dimensions: 2, cases: RECORD_CASES.filter((one) => one !== BITS) },
    { dimensions: 7, cases: [BITS] },
    { dimensions: SEARCH_DIMENSIONS, cases: [...SEARCH_CASES, ...DEFINITION_CASES] },
  ]

/** A subject of the contract, on its own server. */
export function recordsSubject(
  dimensions: number,
  opener?: Opener,
  meddle: (server: FakeQdrant) => void = () => {},
): Open<RecordsSubject> {
  return async () => {
    const server = await startFakeQdrant()
    meddle(server)
    const stores: RecordStore[] = []
    const open = async () => {
      const store = await openOn(server.url, { embedder: { name: 'test', dimensions } }, opener)
      stores.push(store)
      return store
    }
    const store = await open()
    return {
      subject: {
        store,
        async reopen() {
          await stores.at(-1)?.close()
          return await open()
        },
      },
      async close() {
        for (const one of stores) await one.close()
        await server[Symbol.asyncDispose]()
      },
    }
  }
}
