import { parseScopeKey, scopeKey } from '../../memory/model/scope.ts'
import type { RecordStore } from '../../ports/records.ts'

/**
 * A page of the users of a namespace that have memories, sorted by id.
 * @param after `next` of the page before
 */
export async function listUsers(
  records: RecordStore,
  namespace: string,
  { prefix = '', after, limit }: { prefix?: string; after?: string | undefined; limit: number },
): Promise<{ userIds: string[]; next: string | null }> {
  const start = scopeKey({ namespace, userId: prefix.toWellFormed() })
  // A cursor of another namespace or prefix must not move the start of the page out of this one.
  const position = after === undefined || after < start ? before(start) : after
  const page = await records.scopes('memories', { after: position, limit })
  const keys = page.filter((key) => key.startsWith(start))
  return {
    userIds: keys.map((key) => parseScopeKey(key).userId),
    next: keys.length === limit ? (keys.at(-1) ?? null) : null,
  }
}

/** A text that sorts just before a scope key and after every smaller one: scope keys are ASCII. */
function before(key: string): string {
  return `${key.slice(0, -1)}${String.fromCharCode(key.charCodeAt(key.length - 1) - 1)}\uffff`
}
