import { randomUUID } from 'node:crypto'
import type { RecordStore } from '../ports/records.ts'
import { derivedId } from '../scope.ts'

/** In `meta`; no user's scope is without a slash. */
const SCOPE = 'identity'

/**
 * A name that no other store has, taken down when it is first asked for. What is kept elsewhere of a store goes by it,
 * so that nothing is served of one that stood in the same folder before.
 */
export async function identityOf(store: RecordStore): Promise<string> {
  const id = derivedId('identity')
  const known = await store.get('meta', SCOPE, id)
  if (known) return known.payload['name'] as string
  const name = randomUUID()
  await store.commit([{ put: { id, order: 0, payload: { name } }, collection: 'meta', scope: SCOPE }])
  return name
}
