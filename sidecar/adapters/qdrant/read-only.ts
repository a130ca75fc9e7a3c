import type { RecordStore } from '../../ports/records.ts'
import { connectQdrant, type QdrantAddress, QdrantFailure } from './connection.ts'
import { pointId, toRecord } from './points.ts'

/** Reads records without vectors and creates no collections; missing collections count as empty. */
export function readOnlyQdrant(options: QdrantAddress & { prefix: string }): Pick<RecordStore, 'get'> {
  const connection = connectQdrant(options)
  return {
    async get(collection, scope, id) {
      const ids = [pointId(collection, scope, id)]
      try {
        const [point] = await connection.run((client) =>
          client.retrieve(`${options.prefix}documents`, { ids, with_payload: true }),
        )
        return point && toRecord(point.payload, collection, scope)
      } catch (error) {
        if (
          error instanceof QdrantFailure &&
          error.httpStatus === 404 &&
          /doesn't exist/.test(error.message)
        ) {
          return undefined
        }
        throw error instanceof QdrantFailure
          ? new Error(`QDRANT_URL: ${error.message}`, { cause: error })
          : error
      }
    },
  }
}
