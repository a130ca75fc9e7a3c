import type { Embedder } from '../ports/embedder.ts'
import type { JsonObject, RecordStore } from '../ports/records.ts'
import { derivedId, type Narrowing } from '../scope.ts'
import { type Candidate, candidatesOf, withoutText } from './candidates.ts'
import type { MemoryEvent } from './events.ts'
import { keepText, pendingId } from './keep.ts'
import { type PendingTurn, putPending, readPending, removePending, type Triggers } from './pending.ts'
import { type Place, placeTurn } from './place.ts'
import { type Message, putTurn, type Remember, readTurn, type Turn, turnRecordId } from './turns.ts'
import { undoTurn, unsay } from './undo.ts'
import { type OnFence, type ScopeChange, UnitOfWork } from './unit-of-work.ts'
import { wordsEmbedder } from './words-embedder.ts'

export type { MemoryEvent } from './events.ts'

export interface AddRequest extends Narrowing {
  messages: readonly Message[]
  turn?: number | undefined
  metadata?: JsonObject | undefined
  remember?: Remember | undefined
  /** Two calls with one key are one call: without a turn number the second gets the number of the first. */
  idempotencyKey?: string | undefined
  /** Of a turn that has its identifier already; given with its conversation and number, if it has them. */
  turnId?: string | undefined
}

export interface AddResult {
  turnId: string
  turn: number | null
  events: MemoryEvent[]
  /** The turn waits to be learned from; absent for one that needs no model, or that was learned from before. */
  pending?: PendingTurn | undefined
}

export interface AddContext {
  records: RecordStore
  embedder: Embedder
  now: number
  onFence: OnFence
  /** Whether the turn shall be learned from, or stay as it was said. */
  learn: boolean
  /** When memories of no topic expire; `null` for never. */
  expiresAt: number | null
  countTokens: (messages: readonly Message[]) => number
  /** When the turn is learned from, where its app says anything of that. */
  triggers?: Partial<Triggers> | undefined
}

export interface Added {
  result: AddResult
  /** Absent where nothing has changed. */
  change: ScopeChange | undefined
  /**
   * Whether the turn was stored before, or a later one of its conversation was. What was put together from the memories
   * counts on knowing every turn below the latest one that it knows; such a turn breaks that.
   */
  isOutOfOrder: boolean
}

/**
 * Stores a turn and its words, whole or not at all. The words can be recalled at once: for good in verbatim mode,
 * and until the turn has been learned from otherwise. The caller holds the lock of the scope.
 */
export async function addTurn(scope: string, request: AddRequest, context: AddContext): Promise<Added> {
  const { records, now, learn } = context
  const place = await placeTurn(records, scope, request, now)
  const previous = await readTurn(records, scope, place.id)
  const turn = nextTurn(place, request, previous, context)
  const said = await wordsOf(scope, turn, records, now)
  if (learn) leaveOutDeleted(turn, said)
  if (previous && learn && isSame(previous, turn)) {
    const pending = await stillPending(records, scope, previous)
    if (pending || wasLearned(previous)) {
      const result: AddResult = { turnId: turn.id, turn: turn.turn, events: [], pending }
      return { result, change: undefined, isOutOfOrder: false }
    }
  }
  const unit = new UnitOfWork(records, scope, now)
  unit.also(...place.writes)
  if (previous) await undoTurn(unit, previous)

  const events: MemoryEvent[] = []
  for (const [nth, candidate] of said.entries()) {
    const event = await keepText(unit, candidate, {
      turn,
      previous,
      nth,
      learn,
      expiresAt: context.expiresAt,
    })
    if (event) events.push(event)
  }
  if (previous) events.push(...(await drop(unit, turn, previous)))

  unit.also(putTurn(scope, turn))
  let pending: PendingTurn | undefined
  if (learn) {
    pending = waiting(scope, turn, context)
    unit.also(putPending(pending))
  } else if (previous?.state !== 'done') {
    unit.also(removePending(scope, turn.id))
  }
  const words = new Set(said.map(({ text }) => text))
  const embedder = learn ? wordsEmbedder(context.embedder, (text) => words.has(text)) : context.embedder
  const account = { scope, conversationId: turn.conversation_id, turn: turn.turn }
  const change = await unit.commit(embedder, account, context.onFence)
  const isOutOfOrder = turn.conversation_id !== null && (place.isOvertaken || turn.revision > 1)
  return { result: { turnId: turn.id, turn: turn.turn, events, pending }, change, isOutOfOrder }
}

function nextTurn(
  place: Place,
  request: AddRequest,
  previous: Turn | undefined,
  { now, learn }: AddContext,
): Turn {
  const unsaid = previous?.unsaid?.filter(
    (i) => previous.messages[i]?.content === request.messages[i]?.content,
  )
  return {
    id: place.id,
    conversation_id: request.conversationId ?? null,
    turn: place.turn,
    agent_id: request.agentId ?? null,
    run_id: request.runId ?? null,
    app_id: request.appId ?? null,
    metadata: request.metadata ?? {},
    messages: [...request.messages],
    remember: request.remember ?? 'both',
    state: learn ? 'pending' : 'done',
    revision: (previous?.revision ?? 0) + 1,
    memory_ids: [],
    removed_ids: [...(previous?.removed_ids ?? [])],
    ...(unsaid && unsaid.length > 0 ? { unsaid } : {}),
    effects: [],
    created_at: previous?.created_at ?? now,
    updated_at: now,
  }
}

async function wordsOf(scope: string, turn: Turn, records: RecordStore, now: number): Promise<Candidate[]> {
  const before =
    turn.conversation_id !== null && turn.turn !== null && turn.turn > 1
      ? await readTurn(records, scope, turnRecordId(turn.conversation_id, turn.turn - 1))
      : undefined
  const options = {
    scope,
    agentId: turn.agent_id,
    runId: turn.run_id,
    remember: turn.remember,
    saidBefore: lastSaid(before),
    source: { turn_id: turn.id, conversation_id: turn.conversation_id, turn: turn.turn },
    now,
  }
  return await candidatesOf({ messages: turn.messages, options })
}

function lastSaid(turn: Turn | undefined): { content: string; at: number } | null {
  const last = turn?.messages.at(-1)
  if (!turn || !last || turn.unsaid?.includes(turn.messages.length - 1)) return null
  return { content: last.content, at: last.at ?? turn.created_at }
}

/** Words that somebody deleted are not learned from when the turn is posted again. */
function leaveOutDeleted(turn: Turn, said: Candidate[]): void {
  for (const candidate of [...said]) {
    const ids = [candidate.id, pendingId(turn, candidate)]
    if (!ids.some((id) => turn.removed_ids.includes(id))) continue
    said.splice(said.indexOf(candidate), 1)
    turn.messages = turn.messages.map((one, i) =>
      i === candidate.source.ordinal ? { ...one, content: withoutText(one.content, candidate.text) } : one,
    )
  }
}

/** Lets go of what the turn said before and says no more. What was learned from it has been taken back by now. */
async function drop(unit: UnitOfWork, turn: Turn, previous: Turn): Promise<MemoryEvent[]> {
  const events: MemoryEvent[] = []
  const learned = new Set(previous.effects.map(({ memory_id }) => memory_id))
  for (const id of previous.memory_ids) {
    if (turn.memory_ids.includes(id) || learned.has(id)) continue
    const held = await unit.find(id)
    if (held?.memory.kind === 'pending') {
      unit.erase(id)
      continue
    }
    await unsay(unit, previous, id)
    if (held && !(await unit.find(id))) events.push({ event: 'DELETE', id, memory: held.memory.text })
  }
  return events
}

function waiting(scope: string, turn: Turn, { now, countTokens, triggers }: AddContext): PendingTurn {
  return {
    scope,
    turn_id: turn.id,
    conversation_id: turn.conversation_id,
    turn: turn.turn,
    alike: derivedId('alike', JSON.stringify([turn.agent_id, turn.run_id, turn.app_id, turn.remember])),
    app_id: turn.app_id,
    ...(triggers ? { triggers } : {}),
    revision: turn.revision,
    tokens: countTokens(turn.messages),
    at: now,
    attempts: 0,
    unreadable: 0,
    error: null,
    not_before: 0,
  }
}

/** A turn that failed is no longer waiting: posting it again is trying it again. */
async function stillPending(
  records: RecordStore,
  scope: string,
  turn: Turn,
): Promise<PendingTurn | undefined> {
  if (turn.state !== 'pending') return undefined
  return await readPending(records, scope, turn.id)
}

/** One that was kept word by word has memories without anything having been learned. */
function wasLearned({ state, memory_ids, effects }: Turn): boolean {
  return state === 'done' && (memory_ids.length === 0 || effects.length > 0)
}

function isSame(one: Turn, other: Turn): boolean {
  const said = ({ messages, remember, metadata, agent_id, run_id, app_id }: Turn) =>
    JSON.stringify([messages, remember, metadata, agent_id, run_id, app_id])
  return said(one) === said(other)
}
