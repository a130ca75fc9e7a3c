import { groundingIn } from '../../sidecar/learning/extraction/check.ts'
import { isForeignScript, nameOfLanguage } from '../../sidecar/learning/extraction/language.ts'
import type { Dialogue, DialogueTurn } from '../dialogues/dialogue.ts'

/** Counts that add up over dialogues. */
export interface Extracted {
  turns: number
  /** Turns with at least one extracted fact; without any; not extracted yet; given up; unknown to the sidecar. */
  learnedFrom: number
  withoutFact: number
  pending: number
  failed: number
  lost: number
  facts: number
  /** Facts that share words with their turns; in the language of their turns. */
  grounded: number
  inLanguage: number
  /** Replaced values of which a fact was extracted; of these: no longer current after the turn that replaced them. */
  replaced: number
  retired: number
}

interface MemoryView {
  id: string
  memory: string
  kind: string
  version: number
  sources: { conversation_id: string | null; turn: number | null }[]
}

/** Sends a request to a sidecar; `path` starts with a slash. */
export type Send = (path: string, init: RequestInit) => Response | Promise<Response>

const CONVERSATION = 'joined'
const REQUEST_DEADLINE_MS = 30_000
const FLUSH_WAIT_MS = 240_000
const SECOND_MS = 1000

/** Adds the turns of a dialogue as an app does, waits for the extraction, and checks what was learned. */
export async function measureExtraction(
  send: Send,
  dialogue: Dialogue,
  flushDeadlineMs: number,
): Promise<Extracted> {
  const { id: user_id, turns } = dialogue
  const turnIds: string[] = []
  for (const [i, turn] of turns.entries()) {
    const messages = turn.messages.map(({ at: _, ...message }) => ({
      ...message,
      at: toIso(saidAt(turn, i)),
    }))
    const body = { user_id, conversation_id: CONVERSATION, turn: i + 1, mode: 'buffered', messages }
    turnIds.push((await call<{ turn_id: string }>(send, 'POST /v1/memories', body)).turn_id)
  }
  await flush(send, user_id, flushDeadlineMs)
  const pending = await call<{ turns: { turn_id: string; state: string }[] }>(
    send,
    `GET /v1/pending?user_id=${user_id}`,
  )
  const stateOf = new Map(pending.turns.map(({ turn_id, state }) => [turn_id, state]))
  const memories = await listMemories(send, user_id)
  const facts = memories.filter(({ kind }) => kind === 'extracted')
  const learned = new Set(facts.flatMap(({ sources }) => sources.map(({ turn }) => turn)))
  const counts = { ...emptyExtracted(), turns: turns.length, facts: facts.length }
  for (const [i, turnId] of turnIds.entries()) {
    const state = stateOf.get(turnId)
    if (learned.has(i + 1)) counts.learnedFrom += 1
    else if (state !== undefined) counts[state === 'failed' ? 'failed' : 'pending'] += 1
    else if (await isKnown(send, user_id, turnId)) counts.withoutFact += 1
    else counts.lost += 1
  }
  for (const { memory, sources } of facts) {
    const said = sources.flatMap(({ turn }) => turns[(turn ?? 0) - 1]?.messages ?? [])
    const text = said.map(({ content }) => content).join('\n')
    const named = said.map(({ content, role, name = role }) => ({ text: content, speaker: name }))
    counts.grounded += +groundingIn(named)(memory)
    counts.inLanguage += +isInLanguage(memory, text)
  }
  return { ...counts, ...(await countRetired(send, dialogue, memories)) }
}

export function emptyExtracted(): Extracted {
  return {
    ...{ turns: 0, learnedFrom: 0, withoutFact: 0, pending: 0, failed: 0, lost: 0 },
    ...{ facts: 0, grounded: 0, inLanguage: 0, replaced: 0, retired: 0 },
  }
}

/** Waits for the extraction, at most until the deadline. `fetch` gives a request up after 300 s without an answer. */
async function flush(send: Send, user_id: string, deadlineMs: number): Promise<void> {
  const until = performance.now() + deadlineMs
  for (;;) {
    const waitMs = Math.max(1, Math.min(FLUSH_WAIT_MS, Math.ceil(until - performance.now())))
    try {
      return void (await call(send, 'POST /v1/flush', { user_id, wait: true }, waitMs))
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'TimeoutError') throw error
      if (performance.now() >= until) return
    }
  }
}

function isInLanguage(fact: string, said: string): boolean {
  const [from, to] = [nameOfLanguage(said), nameOfLanguage(fact)]
  // A short fact may have no recognisable language.
  return !isForeignScript(fact, said) && (from === undefined || to === undefined || from === to)
}

/** A value is retired if a fact of its turns that was current when it was replaced is not current at the end. */
async function countRetired(send: Send, dialogue: Dialogue, current: readonly MemoryView[]) {
  const counts = { replaced: 0, retired: 0 }
  const indexes = new Map(dialogue.turns.map(({ ref }, i) => [ref, i]))
  const isCurrent = new Set(current.map(({ id, version }) => `${id}/${version}`))
  for (const { evidence, stale } of dialogue.questions) {
    const [first] = evidence.flatMap((ref) => indexes.get(ref) ?? []).sort((a, b) => a - b)
    const old = new Set(stale.flatMap((ref) => (indexes.get(ref) ?? Number.NaN) + 1))
    if (first === undefined || old.size === 0) continue
    const asOf = toIso(saidAt(dialogue.turns[first] as DialogueTurn, first) - 1)
    const before = (await listMemories(send, dialogue.id, asOf)).filter(
      ({ kind, sources }) => kind === 'extracted' && sources.some(({ turn }) => old.has(turn ?? 0)),
    )
    if (before.length === 0) continue
    counts.replaced += 1
    counts.retired += +before.some(({ id, version }) => !isCurrent.has(`${id}/${version}`))
  }
  return counts
}

/** Turns of a session have the same time in the data; one second apart, they have an order. */
function saidAt({ messages }: DialogueTurn, index: number): number {
  return (messages[0]?.at ?? 0) + index * SECOND_MS
}

function toIso(at: number): string {
  return new Date(at).toISOString()
}

async function listMemories(send: Send, user_id: string, as_of?: string): Promise<MemoryView[]> {
  const all: MemoryView[] = []
  let cursor: string | null = null
  do {
    const query = new URLSearchParams({
      user_id,
      limit: '500',
      ...(as_of && { as_of }),
      ...(cursor && { cursor }),
    })
    const page: { memories: MemoryView[]; next_cursor: string | null } = await call(
      send,
      `GET /v1/memories?${query}`,
    )
    all.push(...page.memories)
    cursor = page.next_cursor
  } while (cursor !== null)
  return all
}

async function isKnown(send: Send, user_id: string, turnId: string): Promise<boolean> {
  const response = await send(`/v1/turns/${turnId}?${new URLSearchParams({ user_id })}`, {
    signal: AbortSignal.timeout(REQUEST_DEADLINE_MS),
  })
  await response.arrayBuffer()
  return response.ok
}

async function call<T>(
  send: Send,
  route: string,
  body?: object,
  deadlineMs = REQUEST_DEADLINE_MS,
): Promise<T> {
  const [method = '', path = ''] = route.split(' ')
  const response = await send(path, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    signal: AbortSignal.timeout(deadlineMs),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${route}: status ${response.status}: ${text}`)
  return JSON.parse(text) as T
}
