import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../../ports/errors.ts'
import type { Collection, RecordStore } from '../../ports/records.ts'
import { type CollectionOptions, dropOtherMemories, ensureCollections, pointAlias } from './collections.ts'
import { openCommitQueue } from './commit-queue.ts'
import { connectQdrant, type QdrantAddress, QdrantFailure } from './connection.ts'
import { openJournal } from './journal.ts'
import { type FoundPoint, hasVectors, pointId, SHOWN, toPointWrite, toRecord, VECTOR } from './points.ts'
import { openRecovery, type RunExclusive } from './recovery.ts'
import { type Coverage, EVERY_SCOPE, openScopeGate } from './scope-gate.ts'
import { scopesIn, scrollPage } from './scroll.ts'
import { openSearch } from './search.ts'

export interface QdrantRecordsOptions extends QdrantAddress, CollectionOptions {
  /** How long opening waits for an unreachable server, milliseconds. @default 0 */
  startupTimeoutMs?: number | undefined
  /** Grace period for another process to finish its journal entries, milliseconds. @default three times timeoutMs */
  graceMs?: number | undefined
  /** Absent if no other process writes under the prefix; then opening carries out the entries of earlier processes. */
  runExclusive?: RunExclusive | undefined
  /** Called with a message for the operator when an operation is retried in the background. */
  onError?: ((message: string) => void) | undefined
}

const STARTUP_RETRY_MS = 500

type Read = { collection: Collection; id: string }

/**
 * Records as points of Qdrant, over its REST interface; version 1.12 or later.
 *
 * Qdrant has no transactions. A commit is written to a journal point, applied point by point, and deleted from the
 * journal. Entries of a dead process are carried out at the next start, or by the next holder of the scope's lock.
 *
 * Two limits: another process may briefly see a part of a commit. And a request that is delayed for longer than `graceMs`
 * may arrive after another process has carried out the commit and written again.
 * @throws {Error} for the operator if the server is unreachable, rejects the key, or holds something else
 */
export async function openQdrantRecords(options: QdrantRecordsOptions): Promise<RecordStore> {
  const { timeoutMs, embedder, replicationFactor = 1, runExclusive, onError = () => {} } = options
  const { graceMs = 3 * timeoutMs } = options
  const connection = connectQdrant(options)
  const retryDuringStartup = startupRetry(options)
  const collections = await retryDuringStartup(() =>
    ensureCollections(connection, { ...options, isShared: runExclusive !== undefined }),
  )
  const journal = openJournal(connection, collections.documents)
  const gate = openScopeGate(timeoutMs)
  const reportError = (error: unknown) => onError(error instanceof Error ? error.message : String(error))
  // A request takes at most twice `timeoutMs`, so requests sent in this time end before others may take over.
  const exclusiveMs = Math.max(0, graceMs - 2 * timeoutMs)
  const common = { connection, collections, journal, gate }
  const commitQueue = openCommitQueue({ ...common, exclusiveMs, onError: reportError })
  const recovery = openRecovery({
    journal,
    collections,
    commitQueue,
    graceMs,
    runExclusive,
    onError: reportError,
  })
  if (!runExclusive) {
    await retryDuringStartup(async () => {
      await recovery.recover()
      await journal.sweep(collections.memories)
    }).catch((error) => {
      recovery.close()
      throw error
    })
  }
  const consistency = replicationFactor > 1 ? { consistency: 'majority' as const } : {}
  let closed = false

  async function whenOpen<T>(run: () => Promise<T>): Promise<T> {
    if (closed) throw new AppError('backend_unavailable', 'The record store is closed.')
    return await run()
  }

  const read = <T>(coverage: Coverage, task: () => Promise<T>) => whenOpen(() => gate.read(coverage, task))

  function sourceOf(collection: Collection) {
    const name = hasVectors(collection) ? collections.memories : collections.documents
    return { connection, name, consistency }
  }

  const search = openSearch(sourceOf('memories'))

  return {
    kind: 'qdrant',
    commit: (writes) =>
      whenOpen(async () => {
        try {
          await commitQueue.commit(writes.map((write) => toPointWrite(write, embedder.dimensions)))
        } finally {
          for (const { collection, scope } of writes) if (collection === 'memories') search.forgetTotal(scope)
        }
      }),
    get(collection, scope, id) {
      const with_vector = hasVectors(collection) ? [VECTOR] : false
      const request = { ids: [pointId(collection, scope, id)], ...SHOWN, with_vector, ...consistency }
      const { name } = sourceOf(collection)
      return read(scope, async () => {
        const [point] = await connection.run((client) => client.retrieve(name, request))
        const record = point && toRecord(point, collection, scope)
        return record?.id === id ? record : undefined
      })
    },
    async getMany(scope, reads) {
      const ids = reads.map(({ collection, id }) => pointId(collection, scope, id))
      const readFrom = async (isWithVectors: boolean): Promise<FoundPoint[]> => {
        const wanted = ids.filter((_, i) => hasVectors((reads[i] as Read).collection) === isWithVectors)
        if (wanted.length === 0) return []
        const { name } = sourceOf(isWithVectors ? 'memories' : 'turns')
        const request = {
          ids: wanted,
          ...SHOWN,
          with_vector: isWithVectors ? [VECTOR] : false,
          ...consistency,
        }
        return await connection.run((client) => client.retrieve(name, request))
      }
      const found = await read(scope, () => Promise.all([readFrom(true), readFrom(false)]))
      const points = new Map(found.flat().map((point) => [String(point.id), point]))
      return reads.map(({ collection, id }, i) => {
        const point = points.get(ids[i] as string)
        const record = point && toRecord(point, collection, scope)
        return record?.id === id ? record : undefined
      })
    },
    scroll: (collection, scope, scrolling) =>
      read(scope, () => scrollPage(sourceOf(collection), collection, scope, scrolling)),
    async search(scope, query) {
      const result = await read(scope, () => search.run(scope, query))
      return { ...result, read: (ids) => whenOpen(() => result.read(ids)) }
    },
    async scopes(collection, { after = '', limit }) {
      const found = await read(EVERY_SCOPE, () => scopesIn(sourceOf(collection), collection))
      const following = found.filter((scope) => scope > after)
      // Qdrant orders facets by count; the port requires code units.
      return following.sort().slice(0, limit)
    },
    recover: (scope) => whenOpen(() => recovery.recover(scope)),
    isFinished: commitQueue.isFinished,
    generations: {
      adopt: () => whenOpen(() => pointAlias(connection, options.prefix, collections.memories)),
      dropOthers: () => whenOpen(() => dropOtherMemories(connection, options.prefix, collections.memories)),
    },
    check: () =>
      whenOpen(async () => {
        await connection.run((client) => client.count(collections.documents, { exact: false }))
      }),
    async close() {
      if (closed) return
      closed = true
      await commitQueue.close()
      recovery.close()
    },
  }
}

/** Retries a startup step until the server responds, for `startupTimeoutMs`. */
function startupRetry({ startupTimeoutMs = 0, onError = () => {} }: QdrantRecordsOptions) {
  const end = performance.now() + startupTimeoutMs
  return async <T>(task: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await task()
      } catch (error) {
        const isLate = performance.now() + STARTUP_RETRY_MS > end
        if (!(error instanceof QdrantFailure)) throw error
        if (error.isRejection || isLate) throw new Error(`QDRANT_URL: ${error.message}`, { cause: error })
        onError(`${error.message}; retrying`)
        await sleep(STARTUP_RETRY_MS)
      }
    }
  }
}

/** Reads records without vectors and creates no collections; missing collections count as empty. */
export function readOnlyQdrant(options: QdrantAddress & { prefix: string }): Pick<RecordStore, 'get'> {
  const connection = connectQdrant(options)
  return {
    async get(collection, scope, id) {
      const request = { ids: [pointId(collection, scope, id)], with_payload: true }
      try {
        const [point] = await connection.run((client) =>
          client.retrieve(`${options.prefix}documents`, request),
        )
        return point && toRecord(point, collection, scope)
      } catch (error) {
        if (!(error instanceof QdrantFailure)) throw error
        if (error.httpStatus === 404 && /doesn't exist/.test(error.message)) return undefined
        throw new Error(`QDRANT_URL: ${error.message}`, { cause: error })
      }
    },
  }
}
