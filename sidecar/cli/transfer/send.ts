import PQueue from 'p-queue'
import type { Client } from './client.ts'
import type { Item } from './input/entry.ts'
import type { Counts } from './state.ts'

export interface SendOptions {
  client: Client
  userOf: (item: Item) => string
  mode?: string | undefined
  appId: string | undefined
  agentId: string | undefined
  /** Aborting prevents further requests; requests in flight complete. */
  signal: AbortSignal
  onRejected: (line: number, reason: string) => void
}

/** Largest batch: as many entries as the sidecar accepts, and characters of JSON well below its default limit. */
const MAX_BATCH = 500
const MAX_BATCH_LENGTH = 384 * 1024

/** Users whose entries are sent in parallel. */
const CONCURRENT_USERS = 4

interface BatchAnswer extends Partial<Record<(typeof BATCH_COUNTS)[number], number>> {
  refused: { index: number; reason: string }[]
}

interface TurnAnswer {
  status: string
  change?: 'added' | 'replaced' | 'unchanged'
}

const BATCH_COUNTS = ['imported', 'updated', 'restored', 'unchanged'] as const

/**
 * Sends entries: those of one user in order, those of different users in parallel. Resolves when every entry is accepted
 * or rejected, or after an abort when the requests in flight have completed.
 */
export async function sendAll(items: readonly Item[], counts: Counts, options: SendOptions): Promise<void> {
  const queue = new PQueue({ concurrency: CONCURRENT_USERS })
  const sends = [...Map.groupBy(items, options.userOf)].map(([userId, own]) => async () => {
    for (const batch of toBatches(own)) {
      if (!options.signal.aborted) await send(userId, batch, counts, options)
    }
  })
  try {
    await queue.addAll(sends)
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

/** @param batch has at least one entry */
async function send(
  user_id: string,
  batch: readonly Item[],
  counts: Counts,
  options: SendOptions,
): Promise<void> {
  const first = batch[0] as Item
  const { client, mode, appId, agentId } = options
  const overrides = { ...(appId ? { app_id: appId } : {}), ...(agentId ? { agent_id: agentId } : {}) }
  const reject = (item: Item, reason: string) => {
    counts.refused += 1
    options.onRejected(item.line, reason)
  }
  if (first.kind === 'turn') {
    const body = { ...first.body, ...overrides, user_id, ...(mode ? { mode } : {}) }
    const result = await client.post<TurnAnswer>('/v1/memories', body, first.key)
    if (!result.ok) return reject(first, result.reason)
    // Sidecars of earlier versions do not say what the call changed.
    const { change = 'added' } = result.body
    if (change === 'added') counts.turns += 1
    else if (change === 'replaced') counts.updated += 1
    else counts.unchanged += 1
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
    for (const name of BATCH_COUNTS) counts[name] += result.body[name] ?? 0
    for (const { index, reason } of result.body.refused) reject(batch[index] as Item, reason)
  } else if (batch.length > 1) {
    // The batch is too large, or one entry makes it invalid: halving isolates the cause.
    const middle = Math.ceil(batch.length / 2)
    await send(user_id, batch.slice(0, middle), counts, options)
    await send(user_id, batch.slice(middle), counts, options)
  } else {
    reject(first, result.reason)
  }
}
