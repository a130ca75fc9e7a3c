import PQueue from 'p-queue'
import type { Client } from './client.ts'
import type { Item } from './input/entry.ts'
import type { Counts } from './state.ts'

export interface SendOptions {
  client: Client
  userOf: (item: Item) => string
  mode: string | undefined
  appId: string | undefined
  agentId: string | undefined
  /** Aborting prevents further requests; requests in flight complete. */
  signal: AbortSignal
  onRejected: (line: number, reason: string) => void
}

/** Largest batch, in entries and in characters of JSON; well below the sidecar's default limits. */
const MAX_BATCH = 200
const MAX_BATCH_LENGTH = 256 * 1024

/** Users whose entries are sent in parallel. */
const CONCURRENT_USERS = 4

interface BatchAnswer {
  imported?: number
  updated?: number
  restored?: number
  unchanged: number
  refused: { index: number; reason: string }[]
}

/**
 * Sends entries: those of one user in order, those of different users in parallel. Resolves when every entry is accepted
 * or rejected, or after an abort when the requests in flight have completed.
 */
export async function sendAll(items: readonly Item[], counts: Counts, options: SendOptions): Promise<void> {
  const queue = new PQueue({ concurrency: CONCURRENT_USERS })
  const sendUser = async (userId: string, own: readonly Item[]) => {
    for (const batch of toBatches(own)) {
      if (options.signal.aborted) return
      await send(userId, batch, counts, options)
    }
  }
  try {
    await queue.addAll(
      [...Map.groupBy(items, options.userOf)].map(
        ([id, own]) =>
          () =>
            sendUser(id, own),
      ),
    )
  } finally {
    queue.clear()
  }
}

/** Turns are sent one by one; adjacent memories or records are sent together. */
function toBatches(items: readonly Item[]): Item[][] {
  const batches: Item[][] = []
  let length = 0
  for (const item of items) {
    const size = item.kind === 'turn' ? 0 : JSON.stringify(item.body).length
    const last = batches.at(-1)
    const fits =
      last && last[0]?.kind === item.kind && last.length < MAX_BATCH && length + size <= MAX_BATCH_LENGTH
    if (item.kind !== 'turn' && fits) last.push(item)
    else batches.push([item])
    length = fits ? length + size : size
  }
  return batches
}

async function send(
  user_id: string,
  batch: readonly Item[],
  counts: Counts,
  options: SendOptions,
): Promise<void> {
  const [first] = batch
  if (!first) return
  const { client, mode, appId, agentId } = options
  const overrides = { ...(appId ? { app_id: appId } : {}), ...(agentId ? { agent_id: agentId } : {}) }
  const reject = (item: Item, reason: string) => {
    counts.refused += 1
    options.onRejected(item.line, reason)
  }
  if (first.kind === 'turn') {
    const body = { ...first.body, ...overrides, user_id, ...(mode ? { mode } : {}) }
    const result = await client.post<{ status: string }>('/v1/memories', body, first.key)
    if (!result.ok) return reject(first, result.reason)
    counts.turns += 1
    if (result.body.status === 'buffered') counts.waiting += 1
    return
  }
  const result =
    first.kind === 'memory'
      ? await client.post<BatchAnswer>('/v1/memories/import', {
          user_id,
          memories: batch.map(({ body }) => ({ ...(body as object), ...overrides })),
        })
      : await client.post<BatchAnswer>('/v1/import', { user_id, records: batch.map(({ body }) => body) })
  if (result.ok) {
    const { imported = 0, updated = 0, restored = 0, unchanged, refused } = result.body
    counts.imported += imported
    counts.updated += updated
    counts.restored += restored
    counts.unchanged += unchanged
    for (const { index, reason } of refused) reject(batch[index] as Item, reason)
  } else if (batch.length > 1) {
    // The batch is too large, or one entry makes it invalid: halving isolates the cause.
    const middle = Math.ceil(batch.length / 2)
    await send(user_id, batch.slice(0, middle), counts, options)
    await send(user_id, batch.slice(middle), counts, options)
  } else {
    reject(first, result.reason)
  }
}
