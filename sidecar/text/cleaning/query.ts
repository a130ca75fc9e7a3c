import { clean } from './clean.ts'
import { clipMiddle, MAX_QUERY_LENGTH } from './lengths.ts'

/**
 * Cleans a query as messages are cleaned, and clips a long one. `degraded` says whether it was clipped.
 * @param signal aborted when the client has disconnected
 */
export async function prepareQuery(
  given: string,
  signal?: AbortSignal,
): Promise<{ query: string; degraded: string[] }> {
  const { texts } = await clean({ texts: [{ role: 'user', content: given }], redact: [] }, signal)
  signal?.throwIfAborted()
  // A query with nothing but an unresolved reference stays as it is.
  const query = texts[0] || given
  return { query: clipMiddle(query), degraded: query.length > MAX_QUERY_LENGTH ? ['query_clipped'] : [] }
}
