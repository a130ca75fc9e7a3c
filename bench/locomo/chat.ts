import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Services } from '../../sidecar/app/compose.ts'
import { addTurn } from '../../sidecar/learning/intake/add-turn.ts'
import type { StrategyRequest, StrategyResult } from '../../sidecar/retrieval/strategies/request.ts'
import { openEngine } from '../lib/engine.ts'
import type { Conversation, Message, Question } from './dataset.ts'
import { contentOf } from './feed.ts'

/** A LoCoMo conversation and the SQLite file with its memories, which is copied for each chat. */
export interface Ingested {
  conversation: Conversation
  path: string
}

/** The part of a recall request that a setting fixes; the rest depends on the turn. */
export type Setting = Pick<
  StrategyRequest,
  'strategy' | 'topK' | 'tokenBudget' | 'windowSize' | 'refreshOnShift'
>

/**
 * The order of the questions of a chat. `listed`: as in the file. `topic`: by the position of the (median) message that
 * answers them, so that consecutive questions are about one session. `shuffled`: pseudo-random, the worst case for a
 * cache.
 */
export const ORDERS = ['listed', 'topic', 'shuffled'] as const
export type Order = (typeof ORDERS)[number]

export interface Turn {
  question: Question
  /** Ids of the messages whose memories are in the context. */
  found: string[]
  result: StrategyResult
}

/** The results of one setting in one chat. */
export interface Chat {
  conversation: string
  setting: Setting
  turns: Turn[]
}

const ADA = { namespace: 'bench', userId: 'ada' }
/** Conversation ids: the ingested LoCoMo conversation, and the chat that asks about it. */
const PAST = 'past'
const CHAT = 'now'

/** Stores each conversation in its own SQLite file, in verbatim mode. `remove` deletes the files. */
export async function ingest(
  conversations: readonly Conversation[],
): Promise<{ ingested: Ingested[]; remove: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), 'hippocache-bench-'))
  const ingested: Ingested[] = []
  for (const conversation of conversations) {
    const path = join(folder, `${conversation.id}.db`)
    let now = 0
    const services = openEngine(path, () => now)
    for (const [i, message] of conversation.messages.entries()) {
      now = message.at
      await add(services, message, PAST, i + 1)
    }
    await services[Symbol.asyncDispose]()
    ingested.push({ conversation, path })
  }
  return { ingested, remove: () => rmSync(folder, { recursive: true }) }
}

/**
 * Runs a chat in which each turn asks one question, once per setting; settings have separate cache keys. After each
 * turn the user says one message of `smallTalk`, so that the memory grows as in a real chat.
 */
export async function ask(
  { conversation, path }: Ingested,
  order: Order,
  smallTalk: readonly Message[],
  settings: readonly Setting[],
): Promise<Chat[]> {
  const copy = `${path}.copy`
  copyFileSync(path, copy)
  let now = (conversation.messages.at(-1)?.at ?? 0) + 86_400_000
  const services = openEngine(copy, () => now)
  const chats = settings.map((setting): Chat => ({ conversation: conversation.id, setting, turns: [] }))
  for (const [i, question] of sortQuestions(conversation, order).entries()) {
    now += 30_000
    const turn = i + 1
    for (const { setting, turns } of chats) {
      const request = { ...setting, query: question.question, conversationId: CHAT, turn }
      const result = await services.strategies.recall(ADA, request)
      if (result.degraded.length > 0)
        throw new Error(`recall: expected no degradation, got ${result.degraded}`)
      turns.push({ question, found: foundIn(result, conversation), result: withoutTexts(result) })
    }
    const message = smallTalk[i % smallTalk.length]
    if (message) await add(services, { ...message, at: now }, CHAT, turn)
  }
  await services[Symbol.asyncDispose]()
  for (const end of ['', '-wal', '-shm']) rmSync(copy + end, { force: true })
  return chats
}

/** Returns the ids of the messages whose memories are in the context. */
function foundIn({ memories }: StrategyResult, { messages }: Conversation): string[] {
  const said = memories.flatMap(({ memory }) => memory.sources)
  const past = said.filter(({ conversation_id }) => conversation_id === PAST)
  return [...new Set(past.map(({ turn }) => messages[(turn as number) - 1]?.id ?? ''))]
}

/** Drops the large fields, which the evaluation does not need. */
function withoutTexts(result: StrategyResult): StrategyResult {
  return { ...result, memories: [], context: '' }
}

function sortQuestions({ questions, messages }: Conversation, order: Order): Question[] {
  const answerable = questions.filter(({ category }) => category !== 5)
  if (order === 'listed') return answerable
  if (order === 'shuffled') return shuffle(answerable)
  const positions = new Map(messages.map(({ id }, i) => [id, i]))
  const positionOf = ({ evidence }: Question) => {
    const sorted = evidence.map((id) => positions.get(id) ?? 0).sort((a, b) => a - b)
    return sorted[Math.floor(sorted.length / 2)] as number
  }
  return answerable.toSorted((a, b) => positionOf(a) - positionOf(b))
}

async function add(
  { engine }: Services,
  message: Message,
  conversationId: string,
  turn: number,
): Promise<void> {
  const content = contentOf(message, { captions: true })
  const messages = [{ role: 'user' as const, name: message.speaker, content, at: message.at }]
  await addTurn(engine, ADA, { messages, conversationId, turn })
}

/** Sorts by a hash of the question, so that the order is the same in each run. */
function shuffle(questions: readonly Question[]): Question[] {
  const keyOf = ({ question }: Question) =>
    [...question].reduce(
      (hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 0x01000193) >>> 0,
      0x811c9dc5,
    )
  return [...questions].sort((a, b) => keyOf(a) - keyOf(b))
}
