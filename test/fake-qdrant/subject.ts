import { openQdrantRecords, type QdrantRecordsOptions } from '../../sidecar/adapters/records/qdrant.ts'
import type { RecordStore } from '../../sidecar/ports/records.ts'
import type { Case, Open } from '../contracts/contract.ts'
import { caseNamed } from '../contracts/contract.ts'
import { RECORD_CASES, type RecordsSubject } from '../contracts/records.ts'
import { type FakeQdrant, startFakeQdrant } from './server.ts'

export const EMBEDDER = { name: 'test', dimensions: 2 }

/** A store on a server, with defaults for tests: time enough on a busy machine. */
export function openOn(url: string, options: Partial<QdrantRecordsOptions> = {}): Promise<RecordStore> {
  return openQdrantRecords({ url, prefix: 'p_', timeoutMs: 5000, embedder: EMBEDDER, ...options })
}

const BITS = caseNamed(RECORD_CASES, 'gives an embedding back bit by bit')

/** The cases with vectors of one length each, as a store has them. */
export const CASES_BY_DIMENSIONS: readonly { dimensions: number; cases: readonly Case<RecordsSubject>[] }[] =
  [
    { dimensions: 2, cases: RECORD_CASES.filter((one) => one !== BITS) },
    { dimensions: 7, cases: [BITS] },
  ]

/** The subject of the contract on a server of its own. `sabotage` may break the store, or the requests to the server. */
export function fakeSubject(
  dimensions: number,
  sabotage: (store: RecordStore, server: FakeQdrant) => RecordStore = (store) => store,
): Open<RecordsSubject> {
  return async () => {
    const server = await startFakeQdrant()
    const embedder = { name: 'test', dimensions }
    const stores: RecordStore[] = []
    const open = async () => {
      const honest = await openOn(server.url, { embedder })
      stores.push(honest)
      return sabotage(honest, server)
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
