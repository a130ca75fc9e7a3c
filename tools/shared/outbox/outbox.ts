import type { Storage } from '@dify/plugin-sdk-ts'
import { NodeError } from '../failure.ts'
import { type Credentials, callSidecar, DEADLINE_MS, type SidecarRequest, targetOf } from '../sidecar.ts'
import { plural } from '../text.ts'
import { StoredQueue } from './stored-queue.ts'
import { type Delivery, MAX_BYTES, type QueuedTurn, TurnQueue } from './turn-queue.ts'

/** Queues with turns in one process, which bounds its memory to 64 MiB. */
const MAX_BUSY_QUEUES = 64
/** Queues that are remembered, so that each storage is read once. */
const MAX_QUEUES = 1000

interface Entry {
  queue: TurnQueue
  stored: StoredQueue
  /** Of the last call: a background delivery has none of its own. */
  credentials: Credentials
}

/** One queue per sidecar and API key, because one process serves every workspace. */
const entries = new Map<string, Entry>()

interface Hand {
  credentials: Credentials
  storage: Storage
  /** Calls the sidecar. */
  ask: (request: SidecarRequest) => Promise<Record<string, unknown>>
}

/** What became of a turn, and what the author of the workflow should know. */
export type Outcome = { answer: Record<string, unknown> } | { queued: number; reason: string }

/**
 * Hands a turn to the sidecar, behind the turns that wait for it. If the sidecar is away, the turn waits in this process
 * and, where Dify permits it, in the plugin's storage; it is delivered once, in order, when the sidecar is back.
 * Throws `NodeError` if the sidecar refuses the turn, or if it cannot be queued.
 */
export async function handOver(
  { credentials, storage, ask }: Hand,
  turn: QueuedTurn,
  deadlineMs: number,
): Promise<Outcome> {
  const { queue, stored } = entryOf(credentials)
  await stored.sync(storage)
  let away: NodeError | undefined
  if (queue.size === 0) {
    try {
      return { answer: await ask({ ...toRequest(turn), deadlineMs }) }
    } catch (error) {
      if (!(error instanceof NodeError && error.isAway)) throw error
      away = error
    }
  }
  assertQueueable(queue, turn, away)
  const dropped = queue.add({ ...turn, body: toQueued(turn.body) })
  const delivery: Delivery = away ? { waiting: away } : await queue.deliver(turn.id, DEADLINE_MS.write)
  if (away) queue.retryLater()
  const isStored = await stored.sync(storage)
  if ('answer' in delivery) return delivery
  if ('refusal' in delivery) throw delivery.refusal
  const reasons = [
    delivery.waiting?.message ?? 'Earlier turns are delivered first.',
    'The turn is queued and is delivered when the sidecar is back.',
    ...(isStored ? [] : ['Only this plugin process holds it: a restart of the plugin would lose it.']),
    ...(dropped > 0
      ? [`The queue was full: ${plural(dropped, 'oldest turn', 'oldest turns')} dropped.`]
      : []),
  ]
  return { queued: queue.size, reason: reasons.join(' ') }
}

function entryOf(credentials: Credentials): Entry {
  const target = targetOf(credentials)
  const known = entries.get(target)
  if (known) {
    known.credentials = credentials
    return known
  }
  const report = (message: string) => console.error(`[outbox] ${message}`)
  const queue = new TurnQueue({
    send: (turn) => send(entry.credentials, turn),
    report,
  })
  const entry: Entry = { queue, stored: new StoredQueue(queue, `outbox ${target}`, report), credentials }
  if (entries.size >= MAX_QUEUES) {
    const idle = entries.entries().find(([, other]) => other.queue.size === 0)
    if (idle) entries.delete(idle[0])
  }
  entries.set(target, entry)
  return entry
}

function assertQueueable(queue: TurnQueue, turn: QueuedTurn, away: NodeError | undefined): void {
  const bytes = Buffer.byteLength(JSON.stringify(turn))
  const busy =
    queue.size > 0
      ? 0
      : entries
          .values()
          .filter((entry) => entry.queue.size > 0)
          .toArray().length
  const problem =
    bytes > MAX_BYTES / 2
      ? `it has ${bytes} bytes, and the queue accepts ${MAX_BYTES / 2}`
      : busy >= MAX_BUSY_QUEUES
        ? `turns of ${busy} other sidecars wait already`
        : undefined
  if (problem === undefined) return
  const reason = away?.message ?? 'The sidecar is away.'
  throw new NodeError(`${reason} The turn was not queued, because ${problem}.`)
}

function toRequest({ id, body }: QueuedTurn): SidecarRequest {
  // The sidecar keeps one turn per turn number, and otherwise one per idempotency key.
  return { method: 'POST', path: '/v1/memories', body, isRepeatable: true, idempotencyKey: id }
}

async function send(credentials: Credentials, turn: QueuedTurn): Promise<Record<string, unknown>> {
  const { body } = await callSidecar(credentials, toRequest(turn))
  if (body['turn_id'] === undefined)
    throw new NodeError('Another server answers in place of the sidecar.', { isAway: true })
  return body
}

/**
 * The turn as it is delivered later: with the time when it was said, and without waiting for a language model, which
 * would hold up the turns behind it.
 */
function toQueued(body: object): object {
  const { messages, mode, ...rest } = body as { messages: { at?: string | undefined }[]; mode?: string }
  const at = new Date().toISOString()
  return {
    ...rest,
    ...(mode && { mode: mode === 'sync' ? 'buffered' : mode }),
    messages: messages.map((message) => ({ ...message, at: message.at ?? at })),
  }
}
