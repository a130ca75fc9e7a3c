import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInProcessCache } from '../../sidecar/adapters/in-process/cache.ts'
import { lexicalEmbedder } from '../../sidecar/adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../../sidecar/adapters/in-process/lock.ts'
import { createInProcessScopeState } from '../../sidecar/adapters/in-process/scope-state.ts'
import { openSqliteRecords } from '../../sidecar/adapters/sqlite/records.ts'
import { compose, type Services } from '../../sidecar/compose.ts'
import { Ledger } from '../../sidecar/ledger/ledger.ts'
import { parsePrices } from '../../sidecar/ledger/prices.ts'
import { createLog } from '../../sidecar/log.ts'
import { addTurn } from '../../sidecar/memory/add.ts'
import type { StrategyRequest, StrategyResult } from '../../sidecar/recall/strategies/request.ts'
import type { Conversation, Message, Question } from './dataset.ts'
import { contentOf } from './feed.ts'

/** A LoCoMo conversation that has been told to the sidecar, as a file to copy. */
export interface Told {
  conversation: Conversation
  path: string
}

/** What a recall is asked for, and how; the rest of the request follows from the turn. */
export type Setting = Pick<
  StrategyRequest,
  'strategy' | 'topK' | 'tokenBudget' | 'windowSize' | 'refreshOnShift'
>

/**
 * The order of the questions of a chat. `listed`: as in the file. `topic`: by the message that answers them, the middle
 * one where there are several, so that questions that follow one another are about one session. `shuffled`: in an order
 * that has nothing to do with what was said when, the worst case for a cache.
 */
export const ORDERS = ['listed', 'topic', 'shuffled'] as const
export type Order = (typeof ORDERS)[number]

export interface Turn {
  question: Question
  /** Messages whose memories are in the context. */
  found: string[]
  result: StrategyResult
}

/** One setting, asked in every turn of one chat. */
export interface Chat {
  conversation: string
  setting: Setting
  turns: Turn[]
}

const ADA = { namespace: 'bench', userId: 'ada' }
const PAST = 'past'
const NOW = 'now'

/** Tells each conversation to a sidecar of its own. */
export async function tell(
  conversations: readonly Conversation[],
): Promise<{ told: Told[]; remove: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), 'hippocache-bench-'))
  const told: Told[] = []
  for (const conversation of conversations) {
    const path = join(folder, `${conversation.id}.db`)
    let now = 0
    const services = open(path, () => now)
    for (const [i, message] of conversation.messages.entries()) {
      now = message.at
      await add(services, message, PAST, i + 1)
    }
    await services[Symbol.asyncDispose]()
    told.push({ conversation, path })
  }
  return { told, remove: () => rmSync(folder, { recursive: true }) }
}

/**
 * A chat in which every turn asks one of the questions, in each setting: their blocks are apart. After each answer the
 * user says something about other things, taken from `chatter`, so that the memory grows as it does in a chat.
 */
export async function ask(
  { conversation, path }: Told,
  order: Order,
  chatter: readonly Message[],
  settings: readonly Setting[],
): Promise<Chat[]> {
  const copy = `${path}.copy`
  copyFileSync(path, copy)
  let now = (conversation.messages.at(-1)?.at ?? 0) + 86_400_000
  const services = open(copy, () => now)
  const chats = settings.map((setting): Chat => ({ conversation: conversation.id, setting, turns: [] }))
  for (const [i, question] of inOrder(conversation, order).entries()) {
    now += 30_000
    const turn = i + 1
    for (const { setting, turns } of chats) {
      const request = { ...setting, query: question.question, conversationId: NOW, turn }
      const result = await services.strategies.recall(ADA, request)
      if (result.degraded.length > 0) throw new Error(`degraded: ${result.degraded}`)
      turns.push({ question, found: foundIn(result, conversation), result: lean(result) })
    }
    const aside = chatter[i % chatter.length]
    if (aside) await add(services, { ...aside, at: now }, NOW, turn)
  }
  await services[Symbol.asyncDispose]()
  for (const end of ['', '-wal', '-shm']) rmSync(copy + end, { force: true })
  return chats
}

/** Messages whose memories are in the context. */
function foundIn({ memories }: StrategyResult, { messages }: Conversation): string[] {
  const said = memories.flatMap(({ memory }) => memory.sources)
  const past = said.filter(({ conversation_id }) => conversation_id === PAST)
  return [...new Set(past.map(({ turn }) => messages[(turn as number) - 1]?.id ?? ''))]
}

/** Without what would fill the memory. */
function lean(result: StrategyResult): StrategyResult {
  return { ...result, memories: [], context: '' }
}

function inOrder({ questions, messages }: Conversation, order: Order): Question[] {
  const asked = questions.filter(({ category }) => category !== 5)
  if (order === 'listed') return asked
  if (order === 'shuffled') return shuffled(asked)
  const places = new Map(messages.map(({ id }, i) => [id, i]))
  const placeOf = ({ evidence }: Question) => {
    const all = evidence.map((id) => places.get(id) ?? 0).sort((a, b) => a - b)
    return all[Math.floor(all.length / 2)] as number
  }
  return asked.toSorted((a, b) => placeOf(a) - placeOf(b))
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

function open(path: string, now: () => number): Services {
  const records = openSqliteRecords(path)
  const bounds = { maxEntries: 1000, maxBytes: 1e8, now }
  return compose(
    {
      records,
      cache: createInProcessCache(bounds),
      scopeState: createInProcessScopeState(bounds),
      scopeLock: createInProcessScopeLock(),
      embedder: lexicalEmbedder(),
      model: undefined,
      ledger: new Ledger({ records, prices: parsePrices('') }),
    },
    { indexMaxBytes: 1e9, embeddingDeadlineMs: 60_000, now, strategies: { deadlineMs: 60_000 } },
    createLog('error', (line) => console.error(line)),
  )
}

/** The same order every time: by a hash of the text. */
function shuffled(questions: readonly Question[]): Question[] {
  const keyOf = ({ question }: Question) =>
    [...question].reduce(
      (hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 0x01000193) >>> 0,
      0x811c9dc5,
    )
  return [...questions].sort((a, b) => keyOf(a) - keyOf(b))
}
