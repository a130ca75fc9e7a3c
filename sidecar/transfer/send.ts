import type { Client } from './client.ts'
import type { Item } from './entry.ts'
import type { Counts } from './state.ts'

export interface SendOptions {
  client: Client
  /** Whose an entry is. */
  userOf: (item: Item) => string
  mode: string | undefined
  appId: string | undefined
  agentId: string | undefined
  /** Aborted: nothing more is sent. */
  signal: AbortSignal
  onRefused: (line: number, reason: string) => void
}

/** Largest batch, in entries and in characters of JSON: well below what a sidecar takes by default. */
const MAX_BATCH = 200
const MAX_BATCH_LENGTH = 256 * 1024

/** Users whose entries are sent at the same time. */
const LANES = 4

interface ListAnswer {
  imported?: number
  updated?: number
  restored?: number
  unchanged: number
  refused: { index: number; reason: string }[]
}

/**
 * Sends entries: those of one user in their order, those of several side by side. Resolves when all of them have
 * been taken or refused, or as soon as what is under way has, once the signal is aborted.
 */
export async function sendAll(items: readonly Item[], counts: Counts, options: SendOptions): Promise<void> {
  const queues = [...Map.groupBy(items, options.userOf)]
  const lane = async () => {
    for (let next = queues.shift(); next; next = queues.shift()) {
      for (const batch of batchesOf(next[1])) {
        if (options.signal.aborted) return
        await send(next[0], batch, counts, options)
      }
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
}

/** Turns go one by one, memories and records together as far as they stand together. */
function batchesOf(items: readonly Item[]): Item[][] {
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
  const refuse = (item: Item, reason: string) => {
    counts.refused += 1
    options.onRefused(item.line, reason)
  }
  if (first.kind === 'turn') {
    const { mode, appId, agentId } = options
    const own = { ...(appId ? { app_id: appId } : {}), ...(agentId ? { agent_id: agentId } : {}) }
    const body = { ...first.body, ...own, user_id, ...(mode ? { mode } : {}) }
    const called = await options.client.post<{ status: string }>('/v1/memories', body, first.key)
    if (!called.ok) return refuse(first, called.reason)
    counts.turns += 1
    if (called.body.status === 'buffered') counts.waiting += 1
    return
  }
  const isMemory = first.kind === 'memory'
  const bodies = batch.map((item) => (isMemory ? toMemory(item, options) : item.body))
  const called = await options.client.post<ListAnswer>(
    isMemory ? '/v1/memories/import' : '/v1/import',
    isMemory ? { user_id, memories: bodies } : { user_id, records: bodies },
  )
  if (called.ok) {
    const { imported = 0, updated = 0, restored = 0, unchanged, refused } = called.body
    counts.imported += imported
    counts.updated += updated
    counts.restored += restored
    counts.unchanged += unchanged
    for (const { index, reason } of refused) refuse(batch[index] as Item, reason)
  } else if (batch.length > 1) {
    // Too large together, or one of them spoils the rest: the halves tell.
    const middle = Math.ceil(batch.length / 2)
    await send(user_id, batch.slice(0, middle), counts, options)
    await send(user_id, batch.slice(middle), counts, options)
  } else {
    refuse(first, called.reason)
  }
}

function toMemory({ body }: Item, { appId, agentId }: SendOptions): object {
  return {
    ...(body as object),
    ...(appId ? { app_id: appId } : {}),
    ...(agentId ? { agent_id: agentId } : {}),
  }
}
