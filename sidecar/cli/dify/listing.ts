import type { CallResult, Client } from '../transfer/client.ts'
import { CliError } from '../transfer/input/cli-error.ts'
import type { Dify } from './client.ts'

export interface Sources {
  dify: Dify
  sidecar: Client
  /** Leaves out conversations that have not changed since, epoch milliseconds. */
  since: number | undefined
}

/** The largest page that the sidecar serves. */
const PAGE = '200'

/**
 * Dify lists conversations of its API only. Those of its web app are known to the sidecar, and Dify answers their messages
 * by their id.
 */
export async function conversationsOf(
  { dify, sidecar, since = 0 }: Sources,
  user: string,
): Promise<Set<string>> {
  const known = new Set<string>()
  for await (const id of dify.conversationsOf(user, since)) known.add(id)
  const query = { user_id: user }
  for await (const { conversations = [] } of pages(sidecar, '/v1/conversations', query)) {
    for (const { conversation_id, updated_at } of conversations) {
      if (Date.parse(updated_at) >= since) known.add(conversation_id)
    }
  }
  return known
}

/** All users with memories. */
export async function usersOf(sidecar: Client): Promise<string[]> {
  const users: string[] = []
  for await (const page of pages(sidecar, '/v1/users', {})) {
    users.push(...(page.users ?? []).map(({ user_id }) => user_id))
  }
  return users
}

interface Page {
  users?: { user_id: string }[]
  conversations?: { conversation_id: string; updated_at: string }[]
  next_cursor: string | null
}

/** The pages of a list of the sidecar; none if it does not know what they belong to. */
export async function* pages<P extends Page>(
  sidecar: Client,
  path: string,
  query: Readonly<Record<string, string>>,
): AsyncGenerator<P> {
  let cursor: string | null = null
  do {
    const result: CallResult<P> = await sidecar.get<P>(path, {
      ...{ ...query, limit: PAGE },
      ...(cursor !== null && { cursor }),
    })
    if (!result.ok && result.status === 404) return
    if (!result.ok) throw new CliError(`The sidecar does not answer ${path}: ${result.reason}.`)
    yield result.body
    cursor = result.body.next_cursor
  } while (cursor !== null)
}
