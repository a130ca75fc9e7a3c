import type { Memory } from '../../memory/model/memory.ts'
import { parseScopeKey } from '../../memory/model/scope.ts'
import type { Turn } from '../../memory/model/turns.ts'
import { isInWindow } from '../../memory/model/window-rule.ts'
import { getMemoryRecord } from '../../memory/repositories/memories.ts'
import { getTurn } from '../../memory/repositories/turns.ts'
import type { RecordStore } from '../../ports/records.ts'
import type { StrategyResult } from '../../retrieval/strategies/request.ts'
import { clipMiddle } from '../../text/cleaning/lengths.ts'
import { type CountTokens, tokenCounter } from '../../text/token-counter.ts'
import { PreviousBlocks } from '../online/previous-blocks.ts'
import { overlapAt, rankBiasedOverlap, rankedIds } from '../overlap.ts'
import type { ReplayEngine } from './engine.ts'
import { type ReplayOptions, type Setting, settingKey, settingsOf } from './options.ts'
import type { Past, PastTurn } from './past.ts'
import { billedTokens, PRICE_MODEL_NAMES, PRICE_MODELS } from './prompts.ts'
import { ReplayedStore } from './replayed-store.ts'
import {
  addMeasured,
  emptyTally,
  type Measured,
  type MissedMemory,
  type SettingTally,
  type Tally,
} from './tally.ts'

/** A memory that the recorded answer drew on. */
interface GroundedMemory {
  memory: Memory
  words: string[]
}

/** A turn that every strategy answers. */
interface ReplayedTurn {
  userId: string
  query: string
  place: PastTurn
  grounded: readonly GroundedMemory[]
}

export interface ReplayUserOptions {
  source: RecordStore
  scopeKey: string
  past: Past
  engine: ReplayEngine
  options: ReplayOptions
  /** Awaited after each replayed turn. */
  onTurn: () => Promise<void>
  onMeasured?: OnMeasured | undefined
}

/** Called with every answer of every setting. */
export type OnMeasured = (
  place: PastTurn & { userId: string },
  setting: Setting,
  result: StrategyResult,
  measured: Measured,
) => void

/** Characters of a text in an example. */
const MAX_EXAMPLE = 300
/** Words of an example. */
const MAX_WORDS = 20

/** Answers every turn of a user with every strategy, as of that turn. */
export async function replayUser(given: ReplayUserOptions): Promise<Tally> {
  const { source, scopeKey, past, engine, options, onTurn, onMeasured } = given
  const count = await tokenCounter()
  const contenders = settingsOf(options).map((setting) => ({
    ...{ setting, key: settingKey(setting), previous: new PreviousBlocks() },
  }))
  const sums = { ...emptyTally(contenders.map(({ key }) => key)), users: 1 }
  const store = new ReplayedStore({ source, scope: scopeKey, past, engine })
  for (const [position, place] of past.turns.entries()) {
    if (!isSelected(place, options)) continue
    const turn = await getTurn(source, scopeKey, place.id)
    const query = turn ? textOf(turn, 'user') : ''
    if (!turn || query === '') continue
    await store.advanceTo(position)
    const answer = textOf(turn, 'assistant')
    const asked = { userId: parseScopeKey(scopeKey).userId, query, place, grounded: [] as GroundedMemory[] }
    for (const { id, words } of store.grounding.groundedIn({ answer, question: query })) {
      const memory = await store.find(id)
      if (memory) asked.grounded.push({ memory, words })
    }
    sums.turns += 1
    sums.answered += +(answer !== '')
    sums.grounded_turns += +(asked.grounded.length > 0)
    const queryVector = engine.embedsQueries ? undefined : await vectorOf(source, scopeKey, turn, query)
    engine.setMoment({ now: place.saidAt, queryVector })
    for (const windowSize of options.windows) {
      const reference = await recall(given, asked, { strategy: 'per_query', windowSize })
      for (const { setting, key, previous } of contenders) {
        if (setting.windowSize !== windowSize) continue
        const result = setting.strategy === 'per_query' ? reference : await recall(given, asked, setting)
        const measured = measure(asked, { setting, result, reference, previous, count, topK: options.topK })
        addMeasured(sums.settings[key] as SettingTally, measured)
        onMeasured?.({ ...place, userId: asked.userId }, setting, result, measured)
      }
    }
    await onTurn()
  }
  return sums
}

export function isSelected({ saidAt, appId }: PastTurn, { since, appId: wanted }: ReplayOptions): boolean {
  return (since === undefined || saidAt >= since) && (wanted === undefined || appId === wanted)
}

async function recall(
  { engine, scopeKey, options }: ReplayUserOptions,
  { query, place }: ReplayedTurn,
  { strategy, windowSize, refreshOnShift }: Setting,
): Promise<StrategyResult> {
  const { topK, tokenBudget } = options
  return await engine.strategies.recall(parseScopeKey(scopeKey), {
    ...{ query, strategy, windowSize, refreshOnShift, topK, tokenBudget },
    conversationId: place.conversationId ?? undefined,
    turn: place.turn ?? undefined,
  })
}

function measure(
  asked: ReplayedTurn,
  {
    setting,
    result,
    reference,
    previous,
    count,
    topK,
  }: {
    setting: Setting
    result: StrategyResult
    /** The answer of `per_query`. */
    reference: StrategyResult
    previous: PreviousBlocks
    count: CountTokens
    topK: number
  },
): Measured {
  const { place, grounded } = asked
  const ids = result.memories.map(({ memory }) => memory.id)
  const injected = new Set(ids)
  const hidden = grounded.filter(({ memory }) => !isShown(memory, place, setting.windowSize))
  const missed = hidden.filter(({ memory }) => !injected.has(memory.id))
  const { block: text, tokens } = result
  const conversation = place.conversationId ?? place.id
  const known = result.delta === '' ? tokens : undefined
  const prefix = previous.next(conversation, { text, id: place.id, tokens: known }, count)
  const { block = 0, shared } = prefix ?? {}
  const prompt = { block, shared, delta: Math.max(0, tokens - block) }
  return {
    cache: `${result.cache.result}.${result.cache.reason}`,
    age: result.cache.age_turns,
    isByWordsOnly: result.degraded.includes('embedding') || reference.degraded.includes('embedding'),
    overlap: overlapAt(topK, rankedIds(reference), ids),
    rbo: rankBiasedOverlap(rankedIds(reference), rankedIds(result)),
    grounded: grounded.length,
    inWindow: grounded.length - hidden.length,
    injected: hidden.length - missed.length,
    tokens,
    blockTokens: block,
    prefixTokens: shared ?? 0,
    billed: Object.fromEntries(
      PRICE_MODEL_NAMES.map((name) => [name, billedTokens(prompt, PRICE_MODELS[name])]),
    ),
    tookMs: result.tookMs.total,
    missed: missed.map((one) => toExample(asked, one)),
  }
}

/** Whether the chat window has a source turn of the memory, so that it need not be injected. */
function isShown({ sources }: Memory, { conversationId, turn }: PastTurn, windowSize: number): boolean {
  if (conversationId === null || turn === null) return false
  return sources.some(
    (source) =>
      source.conversation_id === conversationId &&
      source.turn !== null &&
      isInWindow(source.turn, turn, windowSize),
  )
}

function toExample({ userId, query, place }: ReplayedTurn, { memory, words }: GroundedMemory): MissedMemory {
  return {
    user_id: userId,
    conversation_id: place.conversationId,
    turn: place.turn,
    question: clip(query),
    memory_id: memory.id,
    memory: clip(memory.text),
    words: words.slice(0, MAX_WORDS),
  }
}

function clip(text: string): string {
  return text.length <= MAX_EXAMPLE ? text : `${text.slice(0, MAX_EXAMPLE).toWellFormed()}…`
}

function textOf({ messages }: Turn, role: Turn['messages'][number]['role']): string {
  const texts = messages.filter((message) => message.role === role).map(({ content }) => content)
  return clipMiddle(texts.join('\n').trim())
}

/** The stored embedding of the user message, if the message was kept verbatim. */
async function vectorOf(source: RecordStore, scope: string, turn: Turn, query: string) {
  for (const id of turn.memory_ids) {
    const found = await getMemoryRecord(source, scope, id)
    if (found?.memory.text === query) return found.dense
  }
  return undefined
}
