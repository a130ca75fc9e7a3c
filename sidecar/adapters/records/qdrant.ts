import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../../errors.ts'
import type { Collection, RecordStore } from '../../ports/records.ts'
import {
  type CollectionOptions,
  type Collections,
  dropOtherMemories,
  ensureCollections,
  pointAlias,
} from './qdrant-collections.ts'
import { EVERY_SCOPE, openGate } from './qdrant-gate.ts'
import { type Journal, mayBeAtWork, openJournal } from './qdrant-journal.ts'
import { openLane } from './qdrant-lane.ts'
import { linkQdrant, type QdrantAddress, QdrantFailure, type QdrantLink } from './qdrant-link.ts'
import { hasVectors, pointId, toPointWrite, toRecord } from './qdrant-points.ts'
import { type Source, scopesIn, scrollPage } from './qdrant-scroll.ts'
import { searchPoints } from './qdrant-search.ts'
import { applyWrites } from './qdrant-write.ts'

export interface QdrantRecordsOptions extends QdrantAddress, CollectionOptions {
  /** How long the opening waits for a server that does not answer yet, milliseconds. @default 0 */
  patienceMs?: number | undefined
  /** How long another process is given to finish what it has noted down, milliseconds. @default timeoutMs */
  graceMs?: number | undefined
  /** Told, in words for the operator, of what is tried again in the background. */
  onTrouble?: ((message: string) => void) | undefined
}

const PAUSE_MS = 500

/**
 * Records as points of Qdrant, over its REST interface; version 1.12 or later.
 *
 * Qdrant has no transactions. A commit is noted down whole in a journal point, then carried out point by point, then
 * struck from the journal; what a process left behind when it died is carried out by the next that opens the store.
 * Between journal and end nobody in this process reads the scopes concerned. One process is to write a scope at a
 * time: what two of them write to it at once is not ordered.
 * @throws {Error} in words for the operator when the server is not there, refuses the key, or holds something else
 */
export async function openQdrantRecords(options: QdrantRecordsOptions): Promise<RecordStore> {
  const { timeoutMs, embedder, replicationFactor = 1, onTrouble = () => {} } = options
  const link = linkQdrant(options)
  const { collections, journal } = await prepare(link, options, onTrouble)
  const gate = openGate(timeoutMs)
  const lane = openLane({
    link,
    collections,
    journal,
    gate,
    onTrouble: (error) => onTrouble(wordsOf(error)),
  })
  const consistency = replicationFactor > 1 ? ('majority' as const) : undefined
  let closed = false

  function assertOpen(): void {
    if (closed) throw new AppError('backend_unavailable', 'The record store is closed.')
  }

  function sourceOf(collection: Collection): Source {
    const name = hasVectors(collection) ? collections.memories : collections.documents
    return { link, name, consistency }
  }

  return {
    kind: 'qdrant',
    async commit(writes) {
      assertOpen()
      await lane.commit(writes.map((write) => toPointWrite(write, embedder.dimensions)))
    },
    async get(collection, scope, id) {
      assertOpen()
      return await gate.read(scope, async () => {
        const ids = [pointId(collection, scope, id)]
        const { name } = sourceOf(collection)
        const [point] = await link.run((client) =>
          client.retrieve(name, { ids, with_payload: true, ...(consistency ? { consistency } : {}) }),
        )
        const record = point && toRecord(point.payload, collection, scope)
        return record?.id === id ? record : undefined
      })
    },
    async scroll(collection, scope, scrolling) {
      assertOpen()
      return await gate.read(scope, () => scrollPage(sourceOf(collection), collection, scope, scrolling))
    },
    async search(collection, scope, search) {
      assertOpen()
      const { hasSparse } = collections
      return await gate.read(scope, () =>
        searchPoints(sourceOf(collection), collection, scope, search, hasSparse),
      )
    },
    async scopes(collection, { after = '', limit }) {
      assertOpen()
      return await gate.read(EVERY_SCOPE, async () => {
        const found = await scopesIn(sourceOf(collection), collection)
        // By code units, as `sort` does where nothing is said; Qdrant orders them by their number of records.
        return found
          .filter((scope) => scope > after)
          .sort()
          .slice(0, limit)
      })
    },
    generations: {
      async adopt() {
        assertOpen()
        await pointAlias(link, options.prefix, collections.memories)
      },
      async dropOthers() {
        assertOpen()
        return await dropOtherMemories(link, options.prefix, collections.memories)
      },
    },
    async check() {
      assertOpen()
      await link.run((client) => client.count(collections.documents, { exact: false }))
    },
    async close() {
      if (closed) return
      closed = true
      await lane.close()
    },
  }
}

async function prepare(
  link: QdrantLink,
  options: QdrantRecordsOptions,
  onTrouble: (message: string) => void,
): Promise<{ collections: Collections; journal: Journal }> {
  const { patienceMs = 0, timeoutMs, graceMs = timeoutMs } = options
  const end = performance.now() + patienceMs
  for (;;) {
    try {
      const collections = await ensureCollections(link, options)
      const journal = openJournal(link, collections.documents)
      await replay(link, collections, journal, graceMs)
      return { collections, journal }
    } catch (error) {
      const isLate = performance.now() + PAUSE_MS > end
      if (!(error instanceof QdrantFailure)) throw error
      if (error.isRefusal || isLate) throw new Error(`QDRANT_URL: ${error.message}`, { cause: error })
      onTrouble(`${error.message}; trying again`)
      await sleep(PAUSE_MS)
    }
  }
}

/** Carries out what a process that died had noted down, in the order in which it was. */
async function replay(
  link: QdrantLink,
  collections: Collections,
  journal: Journal,
  graceMs: number,
): Promise<void> {
  let entries = await journal.unfinished()
  // Another process may be in the middle of it; what it has not finished in a while, it has left.
  if (entries.some(mayBeAtWork)) {
    await sleep(graceMs)
    const now = new Set(
      (await journal.unfinished()).map(({ instance, sequence }) => `${instance}/${sequence}`),
    )
    entries = entries.filter(({ instance, sequence }) => now.has(`${instance}/${sequence}`))
  }
  for (const entry of entries) await applyWrites(link, collections, entry.writes, journal.finish(entry))
  await journal.sweep()
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
