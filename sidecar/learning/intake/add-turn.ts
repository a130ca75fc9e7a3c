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
import { UTC } from '../../text/local-time.ts'
import { withoutText } from '../../text/verbatim/message-text.ts'
import { type Candidate, candidatesOf } from './candidates.ts'
import { expectedReads } from './expected-reads.ts'
import { keepText, pendingIdsOf } from './keep.ts'
import { type Call, type Place, placeTurn } from './place.ts'
import { findTwin, hasOtherWords } from './twins.ts'

export interface AddRequest extends Narrowing, Call {
  messages: readonly Message[]
  metadata?: JsonObject | undefined
  remember?: Remember | undefined
  /** Time zone of messages without an offset; default: UTC. */
  timeZone?: string | undefined
}

export interface AddResult {
  turnId: string
  turn: number | null
  /** Whether the turn is new, or what the call changed of its earlier revision. */
  change: 'added' | 'replaced' | 'unchanged'
  events: MemoryEvent[]
  /**
   * With other words of the user for an earlier turn: how many later turns of the conversation may belong to the branch that
   * was left. Each is replaced when the new branch reaches its number.
   */
  abandonedTurns: number
  /** `embedding`: texts have no vector yet. */
  degraded: string[]
  /** Set if the turn is queued for extraction. */
  pending?: PendingTurn | undefined
}

export interface AddOptions {
  /** Whether the turn is queued for extraction or kept verbatim. */
  learn: boolean
  /** When memories without a topic expire, epoch milliseconds; `null` for never. */
  expiresAt: number | null
  /** Needed where `learn` is set. */
  countTokens?: (messages: readonly Message[]) => number
  /** Flush thresholds that the rules of the app override. */
  triggers?: Partial<Triggers> | undefined
  /** When the turn was accepted, epoch milliseconds; now by default. */
  at?: number | undefined
}

/**
 * Stores a turn and its texts atomically; the texts are recallable at once. A turn that is posted again (same
 * conversation and number) replaces its earlier revision together with what was learned from it.
 */
export async function addTurn(
  engine: Pick<MemoryEngine, 'tryChange'>,
  scope: Scope,
  request: AddRequest,
  options: AddOptions = { learn: false, expiresAt: null },
): Promise<AddResult> {
  const add = (unit: UnitOfWork) => addToUnit(unit, request, options)
  const { answer, degraded } = await engine.tryChange(scopeKey(scope), add, options.at)
  return { ...answer, degraded }
}

async function addToUnit(
  unit: UnitOfWork,
  request: AddRequest,
  options: AddOptions,
): Promise<Omit<AddResult, 'degraded'>> {
  const { records, scope, now } = unit
  const { learn, expiresAt } = options
  await unit.prefetch(() => expectedReads(scope, request, { now, learn }))
  const place = await placeTurn(records, scope, request, now)
  const first = place.isNew ? undefined : await getTurn(records, scope, place.id)
  const hasNumber = request.turn !== undefined && request.turnId === undefined
  const twin = first && hasNumber ? await findTwin(records, scope, first, request.messages, now) : undefined
  const previous = twin ? twin.previous : first
  const turn = nextRevision({ ...place, id: twin?.id ?? place.id }, request, previous, now, learn)
  let candidates = await candidatesIn(unit, turn)
  candidates = candidates.filter((one) => !isDeletedEarlier(turn, previous, one))
  if (learn) candidates = removeDeleted(turn, candidates)
  const isRepeated = previous !== undefined && isSame(previous, turn)
  const isEdited = previous !== undefined && hasOtherWords(previous.messages, turn.messages)
  const abandonedTurns = isEdited ? place.laterTurns : 0
  const change = isRepeated ? 'unchanged' : previous ? 'replaced' : 'added'
  if (isRepeated && learn) {
    // A failed turn that is posted again is retried.
    const pending = previous.state === 'pending' ? await getPending(records, scope, previous.id) : undefined
    if (pending || isExtracted(previous))
      return { turnId: turn.id, turn: turn.turn, change, events: [], abandonedTurns, pending }
  }
  unit.account = { scope, conversationId: turn.conversation_id, turn: turn.turn }
  unit.addWrites(...place.writes, ...(twin?.writes ?? []))
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
  const conversation = turn.conversation_id
  const isOvertaken = place.laterTurns > 0 || twin?.isNewTwin === true
  if (conversation !== null && turn.turn !== null && !isOvertaken && isCompletion(previous, turn)) {
    unit.markCompleted({ conversation, turn: turn.turn })
  } else if (conversation !== null && (isOvertaken || turn.revision > 1)) {
    // Blocks assume that every turn below the latest known turn is included.
    unit.markOutOfOrder()
  }
  return { turnId: turn.id, turn: turn.turn, change, events, abandonedTurns, pending }
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
    ...((request.timeZone ?? UTC) === UTC ? {} : { time_zone: request.timeZone }),
    remember: request.remember ?? 'both',
    state: learn ? 'pending' : 'done',
    revision: (previous?.revision ?? 0) + 1,
    memory_ids: [],
    removed_ids: [...(previous?.removed_ids ?? [])],
    ...(unsaid && unsaid.length > 0 ? { unsaid } : {}),
    ...(previous?.twins ? { twins: previous.twins } : {}),
    effects: [],
    created_at: previous?.created_at ?? now,
    updated_at: now,
  }
}

async function candidatesIn({ records, scope, now }: UnitOfWork, turn: Turn): Promise<Candidate[]> {
  const before =
    turn.conversation_id !== null && turn.turn !== null && turn.turn > 0
      ? await getTurn(records, scope, turnRecordId(turn.conversation_id, turn.turn - 1))
      : undefined
  return await candidatesOf({ turn, scope, before: lastMessage(before), now })
}

/** Whether messages are added behind those of the previous revision, such as the answer to a stored message. */
function isCompletion(previous: Turn | undefined, { messages }: Turn): boolean {
  if (!previous || previous.messages.length >= messages.length) return false
  return previous.messages.every(
    ({ role, content }, i) => role === messages[i]?.role && content === messages[i]?.content,
  )
}

function lastMessage(turn: Turn | undefined): { content: string; at: number } | null {
  const last = turn?.messages.at(-1)
  if (!turn || !last || turn.unsaid?.includes(turn.messages.length - 1)) return null
  return { content: last.content, at: last.at ?? turn.created_at }
}

/** Removes texts whose memories were deleted, so that extraction does not learn them again. */
function removeDeleted(turn: Turn, candidates: readonly Candidate[]): Candidate[] {
  return candidates.filter((candidate) => {
    const { id, legacyId, source, text } = candidate
    const ids = [id, legacyId, ...pendingIdsOf(turn, candidate)]
    if (!ids.some((one) => turn.removed_ids.includes(one))) return true
    turn.messages = turn.messages.map((one, i) =>
      i === source.ordinal ? { ...one, content: withoutText(one.content, text) } : one,
    )
    return false
  })
}

/**
 * Whether a text is of an unchanged message of which a memory was deleted, and is no memory yet: earlier versions kept
 * other texts of the same message, so the deleted text would be kept again as part of this one.
 */
function isDeletedEarlier(
  turn: Turn,
  previous: Turn | undefined,
  { id, legacyId, source }: Candidate,
): boolean {
  if (!turn.unsaid?.includes(source.ordinal) || previous?.state !== 'done') return false
  return previous.effects.length === 0 && ![id, legacyId].some((one) => previous.memory_ids.includes(one))
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
    const said = messages.map((one) => [one.role, one.content, one.name, one.at, one.utc_offset])
    return JSON.stringify([said, remember, metadata, agent_id, run_id, app_id])
  }
  return contentOf(one) === contentOf(other)
}
