import { decode, encode } from 'gpt-tokenizer/encoding/o200k_base'
import { DEFAULT_OPTIONS } from '../../sidecar/experiments/replay/options.ts'
import type { Embedder } from '../../sidecar/ports/embedder.ts'
import { budgetsOf, joinParts, type Part, readParts } from '../../sidecar/retrieval/context-parts.ts'
import { dotProduct } from '../../sidecar/retrieval/ranking/similarity-scale.ts'
import { STRATEGIES, type Strategy } from '../../sidecar/retrieval/strategies/request.ts'
import { type Dialogue, type DialogueQuestion, transcriptOf } from '../dialogues/dialogue.ts'
import { scopeOf, storeTurns } from '../dialogues/store.ts'
import { bm25 } from '../lib/bm25.ts'
import { openEngine } from '../lib/engine.ts'
import { mem0 } from './mem0.ts'
import type { AnswerSystem } from './system.ts'

const FULL_CONTEXT = 'full context'
/** A strategy, or a strategy with the graph. */
const HIPPOCACHE_KINDS = STRATEGIES.flatMap((strategy) => [strategy, `${strategy}+graph`] as const)
export const SYSTEM_KINDS = ['full', 'rag', 'bm25', 'mem0', ...HIPPOCACHE_KINDS] as const
type SystemKind = (typeof SYSTEM_KINDS)[number]

/** Tokens of a chunk, and how many chunks are read, as in the Mem0 paper. */
const CHUNK_SIZES = [128, 256, 512, 1024, 2048, 4096, 8192]
const CHUNK_COUNTS = [1, 2]
/** Messages that BM25 and mem0 return: as many as Hippocache by default. */
const MESSAGES = DEFAULT_OPTIONS.topK
const WINDOW = 10
const DAY_MS = 86_400_000

export function systemsOf(
  kinds: readonly SystemKind[],
  embedder: Embedder,
  isNeural: boolean,
  chunkSizes: readonly number[] = CHUNK_SIZES,
): AnswerSystem[] {
  return kinds.flatMap((kind): AnswerSystem[] => {
    if (kind === 'full') return [fullContext]
    if (kind === 'bm25') return [plainBm25]
    if (kind === 'mem0') return [mem0(embedder, MESSAGES)]
    if (kind === 'rag') {
      return CHUNK_COUNTS.flatMap((k) => chunkSizes.map((size) => ragChunks(size, k, embedder)))
    }
    return [hippocache(kind, embedder, isNeural)]
  })
}

/** When a question is asked, epoch milliseconds. */
export function askedAt({ turns }: Dialogue, { at }: DialogueQuestion): number {
  return at ?? (turns.at(-1)?.messages.at(-1)?.at ?? 0) + DAY_MS
}

const fullContext: AnswerSystem = {
  name: FULL_CONTEXT,
  async open({ turns }) {
    const text = turns.map(transcriptOf).join('\n')
    return { contextFor: async () => text, async [Symbol.asyncDispose]() {} }
  },
}

/** The `k` chunks of the conversation whose vectors are most similar to the question, in the order of the conversation. */
function ragChunks(size: number, k: number, embedder: Embedder): AnswerSystem {
  return {
    name: `RAG, ${k} × ${size}`,
    async open({ turns }) {
      const tokens = encode(turns.map(transcriptOf).join('\n'), { disallowedSpecial: new Set() })
      const chunks = Array.from({ length: Math.ceil(tokens.length / size) }, (_, i) =>
        decode(tokens.slice(i * size, (i + 1) * size)),
      )
      const vectors = await embedder.embed(chunks, 'document')
      return {
        async contextFor({ question }) {
          const [query] = (await embedder.embed([question], 'query')) as [Float32Array]
          const scored = vectors.map((vector, i) => ({ i, score: dotProduct(query, vector) }))
          const best = scored.toSorted((a, b) => b.score - a.score).slice(0, k)
          return best
            .toSorted((a, b) => a.i - b.i)
            .map(({ i }) => chunks[i])
            .join('\n')
        },
        async [Symbol.asyncDispose]() {},
      }
    },
  }
}

const plainBm25: AnswerSystem = {
  name: 'plain BM25',
  async open({ turns }) {
    const messages = turns.flatMap((turn) =>
      turn.messages.map((message) => transcriptOf({ ...turn, messages: [message] })),
    )
    const score = bm25(messages)
    return {
      async contextFor({ question }) {
        const scored = score(question).map((score, i) => ({ i, score }))
        const best = scored.filter((one) => one.score > 0).sort((a, b) => b.score - a.score)
        return best
          .slice(0, MESSAGES)
          .map(({ i }) => messages[i])
          .join('\n')
      },
      async [Symbol.asyncDispose]() {},
    }
  },
}

/** The parts of a context with the graph. Without it, the memories are all of the context. */
const GRAPH_PARTS: readonly Part[] = ['entities', 'relations', 'memories']

/**
 * The conversation is known in verbatim mode; its questions are the turns of a new one. With the graph, its signal ranks
 * the memories as well, and its entities and relations share the token budget.
 */
function hippocache(
  kind: (typeof HIPPOCACHE_KINDS)[number],
  embedder: Embedder,
  isNeural: boolean,
): AnswerSystem {
  const [strategy, graph] = kind.split('+') as [Strategy, 'graph'?]
  const parts: readonly Part[] = graph ? GRAPH_PARTS : ['memories']
  const { topK, tokenBudget } = DEFAULT_OPTIONS
  return {
    name: `Hippocache, ${strategy}${graph ? ' with graph' : ''}`,
    async open(dialogue) {
      const clock = { now: 0 }
      const services = openEngine(':memory:', () => clock.now, { embedder, isNeural })
      const scope = scopeOf(dialogue)
      await storeTurns(services, clock, scope, dialogue.turns)
      const now = () => clock.now
      return {
        async contextFor(question, turn) {
          clock.now = askedAt(dialogue, question)
          const { context, degraded } = await services.strategies.recall(scope, {
            ...{ query: question.question, strategy, windowSize: WINDOW, topK, graph: graph && true },
            ...{ conversationId: 'questions', turn, tokenBudget: budgetsOf(parts, tokenBudget).memories },
          })
          const others = await readParts(
            { ...services, now, deadlineMs: services.strategies.deadlineMs },
            scope,
            { parts, tokenBudget },
          )
          const late = [...degraded, ...others.degraded]
          if (late.length > 0) throw new Error(`recall: expected no degradation, got ${late}`)
          return (await joinParts({ ...others.texts, memories: context })).context
        },
        [Symbol.asyncDispose]: () => services[Symbol.asyncDispose](),
      }
    },
  }
}
