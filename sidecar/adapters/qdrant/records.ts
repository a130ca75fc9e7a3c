import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../../errors.ts'
import type { Collection, RecordStore } from '../../ports/records.ts'
import { type CollectionOptions, dropOtherMemories, ensureCollections, pointAlias } from './collections.ts'
import { openLane } from './commit-queue.ts'
import { linkQdrant, type QdrantAddress, QdrantFailure } from './connection.ts'
import { openJournal } from './journal.ts'
import { hasVectors, pointId, toPointWrite, toRecord } from './points.ts'
import { type Alone, openRecovery } from './recovery.ts'
import { EVERY_SCOPE, openGate } from './scope-gate.ts'
import { type Source, scopesIn, scrollPage } from './scroll.ts'

export interface QdrantRecordsOptions extends QdrantAddress, CollectionOptions {
  /** How long the opening waits for a server that does not answer yet, milliseconds. @default 0 */
  patienceMs?: number | undefined
  /** How long another process is given to finish what it has noted down, milliseconds. @default three times timeoutMs */
  graceMs?: number | undefined
  /**
   * Runs a task with a scope to itself among all processes that write under the prefix. Absent: this is the only one,
   * and what one before it left is carried out at the opening.
   */
  alone?: Alone | undefined
  /** Told, in words for the operator, of what is tried again in the background. */
  onTrouble?: ((message: string) => void) | undefined
}

const PAUSE_MS = 500

/**
 * Records as points of Qdrant, over its REST interface; version 1.12 or later.
 *
 * Qdrant has no transactions. A commit is noted down whole in a journal point, then carried out point by point, then
 * struck from the journal; what a process left behind when it died is carried out by another, at its opening or, where
 * several write, by whoever holds the lock of the scope. Between journal and end nobody in this process reads the
 * scopes concerned.
 *
 * Two limits: another process may see half of a commit for a moment, since the gate does not reach over processes. And
 * a request that is on its way for longer than `graceMs` could arrive when another process has carried its commit out
 * and written anew, and Qdrant would not know to refuse it.
 * @throws {Error} in words for the operator when the server is not there, refuses the key, or holds something else
 */
export async function openQdrantRecords(options: QdrantRecordsOptions): Promise<RecordStore> {
  const { timeoutMs, embedder, replicationFactor = 1, alone, onTrouble = () => {} } = options
  const { graceMs = 3 * timeoutMs } = options
  const link = linkQdrant(options)
  const patient = patience(options)
  const collections = await patient(() => ensureCollections(link, options))
  const journal = openJournal(link, collections.documents)
  const gate = openGate(timeoutMs)
  const tell = (error: unknown) => onTrouble(wordsOf(error))
  // A request may take twice `timeoutMs`: what is sent by then is answered or given up when others may begin.
  const undisturbedMs = Math.max(0, graceMs - 2 * timeoutMs)
  const lane = openLane({ link, collections, journal, gate, undisturbedMs, onTrouble: tell })
  const recovery = openRecovery({ journal, lane, graceMs, alone, onTrouble: tell })
  if (!alone) {
    await patient(async () => {
      await recovery.recover()
      await journal.sweep()
    }).catch((error) => {
      recovery.close()
      throw error
    })
  }
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
    async recover(scope) {
      assertOpen()
      await recovery.recover(scope)
    },
    isFinished: lane.isSettled,
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
      recovery.close()
    },
  }
}

/** Runs what the opening has to do again until the server answers, for as long as there is patience. */
function patience({ patienceMs = 0, onTrouble = () => {} }: QdrantRecordsOptions) {
  const end = performance.now() + patienceMs
  return async <T>(task: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await task()
      } catch (error) {
        const isLate = performance.now() + PAUSE_MS > end
        if (!(error instanceof QdrantFailure)) throw error
        if (error.isRefusal || isLate) throw new Error(`QDRANT_URL: ${error.message}`, { cause: error })
        onTrouble(`${error.message}; trying again`)
        await sleep(PAUSE_MS)
      }
    }
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
