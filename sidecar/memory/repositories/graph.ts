import type { Write } from '../../ports/records.ts'
import { derivedId } from '../model/scope.ts'
import { toPayload } from './record.ts'

/** Stores the entities and relations that were extracted from a batch of turns. */
export function putGraph(
  scope: string,
  graph: { turn_ids: readonly string[]; entities: readonly object[]; relations: readonly object[] },
  now: number,
): Write {
  const put = { id: derivedId('graph', ...graph.turn_ids), order: now * 1000, payload: toPayload(graph) }
  return { put, collection: 'graph', scope }
}
