import type { MemoryEngine } from '../../memory/engine/engine.ts'
import { undoExtraction, undoVerbatim } from '../../memory/engine/undo.ts'
import type { UnitOfWork } from '../../memory/engine/unit-of-work.ts'
import type { PendingTurn, Triggers } from '../../memory/model/pending.ts'
import { derivedId, type Narrowing, type Scope, scopeKey } from '../../memory/model/scope.ts'
import {
  type MemoryEvent,
  type Message,
  type Remember,
  type Turn,
  turnRecordId,
} from '../../memory/model/turns.ts'
import { getPending, putPending, removePending } from '../../memory/repositories/pending.ts'
import { getTurn, putTurn } from '../../memory/repositories/turns.ts'
import type { JsonObject } from '../../ports/records.ts'
import { withoutText } from '../../text/message-text.ts'
import { type Candidate, candidatesOf } from './candidates.ts'
import { expectedReads } from './expected-reads.ts'
import { keepText, pendingId } from './keep.ts'
import { type Call, type Place, placeTurn } from './place.ts'

export interface AddRequest extends Narrowing, Call {
  messages: readonly Message[]
  metadata?: JsonObject | undefined
  remember?: Remember | undefined
}

export interface AddResult {
  turnId: string
  turn: number | null
  events: MemoryEvent[]
  /** Set if the turn is queued for extraction. */
  pending?: PendingTurn | undefined
}

export interface AddOptions {
  /** Whether the turn is queued for extraction or kept verbatim. */
  learn: boolean
  /** When memories without a topic expire, epoch milliseconds; `null` for never. */
  expiresAt: number | null
  /** What the rules of the app change in the request and the options; awaited while records are read. */
  ruled?: Promise<Ruled> | undefined
  /** Needed where `learn` is set. */
  countTokens?: (messages: readonly Message[]) => number
  /** Flush thresholds that the rules of the app override. */
  triggers?: Partial<Triggers> | undefined
  /** When the turn was accepted, epoch milliseconds; now by default. */
  at?: number | undefined
}

export interface Ruled extends Pick<AddOptions, 'expiresAt' | 'triggers'> {
  remember: Remember
}

/**
 * Stores a turn and its texts atomically; the texts are recallable at once. A turn that is posted again (same
 * conversation and number) replaces its earlier revision together with what was learned from it.
 */
export async function addTurn(
  engine: Pick<MemoryEngine, 'change'>,
  scope: Scope,
  request: AddRequest,
  options: AddOptions = { learn: false, expiresAt: null },
): Promise<AddResult> {
  return await engine.change(scopeKey(scope), (unit) => addToUnit(unit, request, options), options.at)
}

async function addToUnit(unit: UnitOfWork, asked: AddRequest, given: AddOptions): Promise<AddResult> {
  const { records, scope, now } = unit
  const { learn } = given
  const [ruled] = await Promise.all([
    given.ruled,
    unit.prefetch(() => expectedReads(scope, asked, { now, learn })),
  ])
  const request = ruled ? { ...asked, remember: ruled.remember } : asked
  const options = { ...given, ...ruled }
  const { expiresAt } = options
  const place = await placeTurn(records, scope, request, now)
  const previous = place.isNew ? undefined : await getTurn(records, scope, place.id)
  const turn = nextRevision(place, request, previous, now, learn)
  let candidates = await candidatesIn(unit, turn)
  if (learn) candidates = removeDeleted(turn, candidates)
  if (previous && learn && isSame(previous, turn)) {
    // A failed turn that is posted again is retried.
    const pending = previous.state === 'pending' ? await getPending(records, scope, previous.id) : undefined
    if (pending || isExtracted(previous)) return { turnId: turn.id, turn: turn.turn, events: [], pending }
  }
  unit.account = { scope, conversationId: turn.conversation_id, turn: turn.turn }
  unit.addWrites(...place.writes)
  if (previous) await undoExtraction(unit, previous)

  const events: MemoryEvent[] = []
  for (const [nth, candidate] of candidates.entries()) {
    const event = await keepText(unit, candidate, { turn, previous, nth, learn, expiresAt })
    if (event) events.push(event)
  }
  if (previous) events.push(...(await dropOmitted(unit, turn, previous)))

  unit.addWrites(putTurn(scope, turn))
  const pending = learn ? toPending(scope, turn, now, options) : undefined
  if (pending) unit.addWrites(putPending(pending))
  else if (previous?.state !== 'done') unit.addWrites(removePending(scope, turn.id))
  // Blocks assume that every turn below the latest known turn is included.
  if (turn.conversation_id !== null && (place.isOvertaken || turn.revision > 1)) unit.markOutOfOrder()
  return { turnId: turn.id, turn: turn.turn, events, pending }
}

function nextRevision(
  place: Place,
  request: AddRequest,
  previous: Turn | undefined,
  now: number,
  learn: boolean,
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

async function candidatesIn({ records, scope, now }: UnitOfWork, turn: Turn): Promise<Candidate[]> {
  const before =
    turn.conversation_id !== null && turn.turn !== null && turn.turn > 1
      ? await getTurn(records, scope, turnRecordId(turn.conversation_id, turn.turn - 1))
      : undefined
  return await candidatesOf({ turn, scope, before: lastMessage(before), now })
}

function lastMessage(turn: Turn | undefined): { content: string; at: number } | null {
  const last = turn?.messages.at(-1)
  if (!turn || !last || turn.unsaid?.includes(turn.messages.length - 1)) return null
  return { content: last.content, at: last.at ?? turn.created_at }
}

/** Removes texts whose memories were deleted, so that extraction does not learn them again. */
function removeDeleted(turn: Turn, candidates: readonly Candidate[]): Candidate[] {
  return candidates.filter((candidate) => {
    const { id, source, text } = candidate
    if (![id, pendingId(turn, candidate)].some((one) => turn.removed_ids.includes(one))) return true
    turn.messages = turn.messages.map((one, i) =>
      i === source.ordinal ? { ...one, content: withoutText(one.content, text) } : one,
    )
    return false
  })
}

/** Removes the turn from memories that its previous revision stated and this one does not. */
async function dropOmitted(unit: UnitOfWork, turn: Turn, previous: Turn): Promise<MemoryEvent[]> {
  const events: MemoryEvent[] = []
  const extracted = new Set(previous.effects.map(({ memory_id }) => memory_id))
  for (const id of previous.memory_ids) {
    if (turn.memory_ids.includes(id) || extracted.has(id)) continue
    const held = await unit.find(id)
    if (held?.memory.kind === 'pending') {
      unit.erase(id)
      continue
    }
    await undoVerbatim(unit, previous, id)
    if (held && !(await unit.find(id))) events.push({ event: 'DELETE', id, memory: held.memory.text })
  }
  return events
}

function toPending(
  scope: string,
  turn: Turn,
  now: number,
  { countTokens, triggers }: AddOptions,
): PendingTurn {
  return {
    scope,
    turn_id: turn.id,
    conversation_id: turn.conversation_id,
    turn: turn.turn,
    alike: derivedId('alike', JSON.stringify([turn.agent_id, turn.run_id, turn.app_id, turn.remember])),
    app_id: turn.app_id,
    ...(triggers ? { triggers } : {}),
    revision: turn.revision,
    tokens: countTokens?.(turn.messages) ?? 0,
    at: now,
    attempts: 0,
    unreadable: 0,
    error: null,
    not_before: 0,
  }
}

/** A verbatim turn has memories without effects. */
function isExtracted({ state, memory_ids, effects }: Turn): boolean {
  return state === 'done' && (memory_ids.length === 0 || effects.length > 0)
}

function isSame(one: Turn, other: Turn): boolean {
  const contentOf = ({ messages, remember, metadata, agent_id, run_id, app_id }: Turn) => {
    const said = messages.map(({ role, content, name, at }) => [role, content, name, at])
    return JSON.stringify([said, remember, metadata, agent_id, run_id, app_id])
  }
  return contentOf(one) === contentOf(other)
}
