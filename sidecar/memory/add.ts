import type { Embedder } from '../ports/embedder.ts'
import type { JsonObject, RecordStore } from '../ports/records.ts'
import { derivedId, type Narrowing } from '../scope.ts'
import { type Candidate, candidatesOf } from './candidates.ts'
import type { Cause } from './history.ts'
import type { Memory, Source } from './memory.ts'
import { type PendingTurn, putPending, removePending } from './pending.ts'
import { type Place, placeTurn } from './place.ts'
import { type Message, putTurn, type Remember, readTurn, type Turn, turnRecordId } from './turns.ts'
import { undoTurn } from './undo.ts'
import { type ScopeChange, UnitOfWork } from './unit-of-work.ts'
import { normaliseForDuplicate } from './verbatim.ts'

export interface AddRequest extends Narrowing {
  messages: readonly Message[]
  turn?: number | undefined
  metadata?: JsonObject | undefined
  remember?: Remember | undefined
  /** Two calls with one key are one call: without a turn number the second gets the number of the first. */
  idempotencyKey?: string | undefined
}

export interface MemoryEvent {
  /** `NOOP`: said before, and known from now on to have been said here too. */
  event: 'ADD' | 'UPDATE' | 'DELETE' | 'NOOP'
  id: string
  memory: string
  /** The text before an UPDATE. */
  previous?: string | undefined
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
  /** Whether the turn shall be learned from, or stay as it was said. */
  learn: boolean
  /** When memories of no topic expire; `null` for never. */
  expiresAt: number | null
  countTokens: (messages: readonly Message[]) => number
}

/** Most sources kept for one memory; of what was said more often, the first and the latest are known. */
const MAX_SOURCES = 32

/**
 * Stores a turn and its words, whole or not at all. The words can be recalled at once: for good in verbatim mode,
 * and until the turn has been learned from otherwise. The caller holds the lock of the scope.
 */
export async function addTurn(
  scope: string,
  request: AddRequest,
  context: AddContext,
): Promise<{ result: AddResult; change: ScopeChange | undefined }> {
  const { records, now, learn } = context
  const place = await placeTurn(records, scope, request, now)
  const previous = await readTurn(records, scope, place.id)
  if (previous && learn && previous.state === 'done' && isSame(previous, request)) {
    return { result: { turnId: place.id, turn: place.turn, events: [] }, change: undefined }
  }
  const unit = new UnitOfWork(records, scope, now)
  unit.also(...place.writes)
  if (previous && previous.effects.length > 0) await undoTurn(unit, records, previous)

  const turn = nextTurn(place, request, previous, now, learn)
  const said = await wordsOf(scope, turn, request, records, now)
  const events: MemoryEvent[] = []
  for (const [i, candidate] of said.entries()) {
    const event = await keep(unit, candidate, turn, previous, i, context)
    if (event) events.push(event)
  }
  events.push(...(await drop(unit, turn, previous)))

  unit.also(putTurn(scope, turn))
  let pending: PendingTurn | undefined
  if (learn) {
    pending = waiting(scope, turn, context)
    unit.also(putPending(pending))
  } else if (previous?.state !== 'done') {
    unit.also(removePending(scope, turn.id))
  }
  const change = await unit.commit(context.embedder, {
    scope,
    conversationId: turn.conversation_id,
    turn: turn.turn,
  })
  return { result: { turnId: turn.id, turn: turn.turn, events, pending }, change }
}

function nextTurn(
  place: Place,
  request: AddRequest,
  previous: Turn | undefined,
  now: number,
  learn: boolean,
): Turn {
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
    effects: [],
    created_at: previous?.created_at ?? now,
    updated_at: now,
  }
}

async function wordsOf(
  scope: string,
  turn: Turn,
  { agentId, runId }: AddRequest,
  records: RecordStore,
  now: number,
): Promise<Candidate[]> {
  const before =
    turn.conversation_id !== null && turn.turn !== null && turn.turn > 1
      ? await readTurn(records, scope, turnRecordId(turn.conversation_id, turn.turn - 1))
      : undefined
  return candidatesOf(turn.messages, {
    identity: [scope, agentId ?? '', runId ?? ''],
    remember: turn.remember,
    saidBefore: lastSaid(before),
    source: { turn_id: turn.id, conversation_id: turn.conversation_id, turn: turn.turn },
    now,
  })
}

function lastSaid(turn: Turn | undefined): { content: string; at: number } | null {
  const last = turn?.messages.at(-1)
  return turn && last ? { content: last.content, at: last.at ?? turn.created_at } : null
}

/** Keeps one text of the turn, unless somebody deleted it before. */
async function keep(
  unit: UnitOfWork,
  candidate: Candidate,
  turn: Turn,
  previous: Turn | undefined,
  nth: number,
  { learn, expiresAt }: AddContext,
): Promise<MemoryEvent | undefined> {
  // Words that wait belong to their turn alone; what they teach is compared with what is known when they are learned.
  const id = learn ? derivedId('pending', turn.id, candidate.id) : candidate.id
  if (turn.removed_ids.includes(id)) return undefined
  const known = await unit.find(id)
  const wasHere = previous?.memory_ids.includes(id) ?? false
  if (!known && wasHere && !learn) {
    // Deleted while this turn was not among the sources that are kept, so the deletion did not reach it.
    turn.removed_ids.push(id)
    return undefined
  }
  const said = toMemory({ ...candidate, id }, turn, learn ? 'pending' : 'verbatim', unit.now, nth, expiresAt)
  turn.memory_ids.push(id)
  if (learn) {
    unit.put(said, known?.memory.text === said.text ? known.dense : undefined)
    return undefined
  }
  if (!known) {
    const cause: Cause = { actor: 'verbatim', turn }
    await unit.add(said, cause)
    return { event: 'ADD', id, memory: said.text }
  }
  const again = saidAgain(known.memory, said, wasHere)
  unit.put(again, again.text === known.memory.text ? known.dense : undefined)
  return { event: 'NOOP', id, memory: again.text }
}

/** Lets go of what the turn said before and says no more. */
async function drop(unit: UnitOfWork, turn: Turn, previous: Turn | undefined): Promise<MemoryEvent[]> {
  const events: MemoryEvent[] = []
  for (const id of previous?.memory_ids ?? []) {
    if (turn.memory_ids.includes(id)) continue
    const held = await unit.find(id)
    if (!held) continue
    const { memory } = held
    const left = memory.sources.filter((source) => source.turn_id !== turn.id)
    if (memory.kind === 'pending') {
      unit.erase(id)
    } else if (left.length === memory.sources.length) {
      // What the turn taught was taken back above; others have said it too.
    } else if (left.length > 0) {
      unit.put({ ...memory, sources: left, updated_at: unit.now }, held.dense)
    } else {
      await unit.end(id, memory.valid_from, { actor: 'verbatim', reason: 'the turn was replaced', turn })
      events.push({ event: 'DELETE', id, memory: memory.text })
    }
  }
  return events
}

function toMemory(
  candidate: Candidate,
  turn: Turn,
  kind: 'verbatim' | 'pending',
  now: number,
  nth: number,
  expiresAt: number | null,
): Memory {
  const { id, text, role, speaker, context, source } = candidate
  return {
    id,
    text,
    role,
    speaker,
    agent_id: turn.agent_id,
    run_id: turn.run_id,
    app_id: turn.app_id,
    metadata: turn.metadata,
    kind,
    topic: null,
    sub_topic: null,
    importance: null,
    event_date: null,
    version: 1,
    valid_from: source.at,
    expires_at: expiresAt,
    context,
    sources: [source],
    order: now * 1000 + Math.min(nth, 999),
    created_at: now,
    updated_at: now,
  }
}

/** A known memory with one more source; what its only turn says anew is as that turn has it now. */
function saidAgain(known: Memory, said: Memory, wasHere: boolean): Memory {
  const [source] = said.sources as [Source]
  const others = known.sources.filter(({ turn_id }) => turn_id !== source.turn_id)
  const sources = [...others, source].sort((a, b) => a.at - b.at)
  if (sources.length > MAX_SOURCES) sources.splice(1, sources.length - MAX_SOURCES)
  const updated = { ...known, sources, updated_at: said.updated_at }
  // A correction by hand is not undone by posting the turn that it corrects.
  const corrected =
    known.version > 1 || normaliseForDuplicate(known.text) !== normaliseForDuplicate(said.text)
  if (others.length > 0 || (wasHere && corrected)) return updated
  const { text, role, context, metadata, app_id, expires_at } = said
  return { ...updated, text, role, context, metadata, app_id, expires_at }
}

function waiting(scope: string, turn: Turn, { now, countTokens }: AddContext): PendingTurn {
  return {
    scope,
    turn_id: turn.id,
    conversation_id: turn.conversation_id,
    turn: turn.turn,
    revision: turn.revision,
    tokens: countTokens(turn.messages),
    at: now,
    attempts: 0,
    unreadable: 0,
    error: null,
    not_before: 0,
  }
}

function isSame(turn: Turn, request: AddRequest): boolean {
  return (
    JSON.stringify([turn.messages, turn.remember, turn.metadata]) ===
    JSON.stringify([request.messages, request.remember ?? 'both', request.metadata ?? {}])
  )
}
