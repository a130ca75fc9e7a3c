import { buildGraph } from '../../sidecar/memory/graph/build.ts'
import type { Graph } from '../../sidecar/memory/graph/types.ts'
import { graphOfText } from '../../sidecar/memory/model/graph.ts'
import type { Memory } from '../../sidecar/memory/model/memory.ts'
import type { Embedder } from '../../sidecar/ports/embedder.ts'
import { findGraphHits } from '../../sidecar/retrieval/graph-signal.ts'
import { DEFAULT_SETTINGS, type RankSettings } from '../../sidecar/retrieval/ranking/settings.ts'
import { type Indexed, indexMemory, rankMemories } from '../lib/rank-memories.ts'
import { CATEGORIES, type Conversation, type Question } from './dataset.ts'
import { type Feed, type FeedOptions, feedConversation } from './feed.ts'
import { evidenceRecall, Mean } from './metric.ts'

/** Overrides of the default settings. */
export type Settings = { [Group in keyof RankSettings]?: Partial<RankSettings[Group]> }

/** A conversation with its embeddings, computed once and evaluated with many settings. */
export interface Prepared {
  conversation: Conversation
  feed: Feed
  memories: Indexed[]
  /** Query embeddings in the order of the questions. */
  queries: Float32Array[]
  /** What the messages state. */
  graph: Graph
}

export interface QuestionResult {
  question: Question
  /** Ids of the retrieved messages, best first. */
  found: string[]
}

export async function prepare(
  conversation: Conversation,
  embedder: Embedder,
  options: FeedOptions,
): Promise<Prepared> {
  const feed = await feedConversation(conversation, embedder, options)
  const queries = await embedder.embed(
    conversation.questions.map(({ question }) => question),
    'query',
  )
  return { conversation, feed, memories: feed.memories.map(indexMemory), queries, graph: graphOf(feed) }
}

function graphOf({ memories }: Feed): Graph {
  const versions = memories.map(({ id, text, speaker, role, at }, order) => {
    const source = { turn_id: id, conversation_id: null, turn: null, ordinal: 0, at }
    const graph = graphOfText({ text, speaker, role }, at)
    const memory = { ...PLAIN, ...graph, id, text, speaker, role, order, sources: [source] } as Memory
    return { memory, validUntil: null, hasEnded: false }
  })
  return buildGraph('locomo', versions)
}

const PLAIN = { kind: 'verbatim', version: 1, topic: null, event_date: null }

/** Retrieves the best `k` messages for each question of categories 1–4. */
export function ask(
  { conversation, feed, memories, queries, graph }: Prepared,
  k: number,
  settings?: Settings,
  withGraph = false,
): QuestionResult[] {
  return conversation.questions.flatMap((question, i) => {
    if (question.category === 5) return []
    const dense = queries[i] as Float32Array
    // Two memories of one message may both rank; k counts messages.
    const ranked = rankMemories(memories, question.question, {
      dense,
      settings: withDefaults(settings),
      strengths: withGraph ? findGraphHits(graph, question.question).strengths : undefined,
    }).slice(0, 2 * k)
    const found = [...new Set(ranked.map(({ id }) => feed.messageOf.get(id) as string))].slice(0, k)
    return [{ question, found }]
  })
}

function withDefaults({ fields, expansion, weights }: Settings = {}): RankSettings {
  return {
    ...DEFAULT_SETTINGS,
    fields: { ...DEFAULT_SETTINGS.fields, ...fields },
    expansion: { ...DEFAULT_SETTINGS.expansion, ...expansion },
    weights: { ...DEFAULT_SETTINGS.weights, ...weights },
  }
}

export interface Report {
  all: number
  n: number
  byConversation: Record<string, number>
  byCategory: Record<string, number>
}

/** Mean evidence recall over all questions, by conversation and by category. */
export function report(results: ReadonlyMap<string, readonly QuestionResult[]>): Report {
  const all = new Mean()
  const byConversation: Record<string, number> = {}
  const byCategory = new Map<string, Mean>()
  for (const [id, answers] of results) {
    const mean = new Mean()
    for (const { question, found } of answers) {
      const recall = evidenceRecall(question, found)
      const name = CATEGORIES[question.category] ?? String(question.category)
      const category = byCategory.get(name) ?? new Mean()
      byCategory.set(name, category)
      for (const one of [all, mean, category]) one.add(recall)
    }
    byConversation[id] = mean.value
  }
  const categories = [...byCategory].map(([name, mean]) => [name, mean.value] as const)
  return { all: all.value, n: all.n, byConversation, byCategory: Object.fromEntries(categories) }
}

export function evaluate(
  prepared: readonly Prepared[],
  k: number,
  settings?: Settings,
  withGraph = false,
): Report {
  return report(new Map(prepared.map((one) => [one.conversation.id, ask(one, k, settings, withGraph)])))
}
