import { hash } from 'node:crypto'
import { z } from 'zod'
import type { Memory } from '../../memory/model/memory.ts'
import type { Narrowing } from '../../memory/model/scope.ts'
import type { TurnCoverage } from './turn-coverage.ts'

/** A memory of a block and its score for the query of the build; 0 if the query does not match it. */
export interface BlockMemory {
  memory: Memory
  score: number
}

export interface BlockContent {
  /** Part of the prompt, byte-identical while the block is served. */
  text: string
  /** o200k tokens. */
  tokens: number
  memories: BlockMemory[]
  /** Embedding of the query of the build; absent unless topic shifts are detected. */
  vector?: number[] | undefined
  coverage?: TurnCoverage | undefined
}

/** A block with the values that decide whether it may be served. */
export interface Block extends BlockContent {
  /** First 16 hex digits of the SHA-256 of the text. */
  hash: string
  /** Turn of the build. */
  turn: number
  watermark: number
  /** The latest turn that had been added. */
  lastTurn: number
  epoch: number
  fence: number
  /** Epoch milliseconds. */
  expiresAt: number
}

/** Everything that determines the content of a block, except the memories and the query. */
export interface BlockIdentity extends Omit<Narrowing, 'conversationId'> {
  conversationId: string
  strategy: string
  /** As in the request. */
  filters?: unknown
  topK: number
  tokenBudget: number
  windowSize: number
  watchesTopic: boolean
}

/** Increment when older blocks become unreadable or when blocks are selected differently. */
const FORMAT = 3

export function blockKey(identity: BlockIdentity): string {
  const { conversationId, strategy, agentId, runId, appId, filters, ...rest } = identity
  const { topK, tokenBudget, windowSize, watchesTopic } = rest
  const filtersText = filters === undefined ? undefined : JSON.stringify(filters)
  const parts = [conversationId, strategy, agentId, runId, appId, filtersText]
  // Length-prefixed, so that different identities have different texts.
  const texts = parts.map((part) => (part === undefined ? '-' : `${part.length}:${part}`))
  const text = `${FORMAT} ${texts.join('')} ${topK} ${tokenBudget} ${windowSize} ${watchesTopic}`
  return hash('sha256', text, 'hex').slice(0, 32)
}

export function hashOf(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 16)
}

const storedBlock = z.looseObject({
  text: z.string(),
  tokens: z.number(),
  memories: z.array(z.object({ memory: z.custom<Memory>(), score: z.number() })),
  vector: z.array(z.number()).optional(),
  known: z.custom<TurnCoverage>().optional(),
  hash: z.string(),
  turn: z.number(),
  watermark: z.number(),
  lastTurn: z.number(),
  epoch: z.number(),
  fence: z.number(),
  expiresAt: z.number(),
})

/** `coverage` is stored as `known`. The `context` of a memory is only used by the index. */
export function serialise({ coverage, ...block }: Block): string {
  const memories = block.memories.map(({ memory, score }) => ({
    memory: { ...memory, context: null },
    score,
  }))
  return JSON.stringify({ ...block, memories, known: coverage })
}

/** Returns `undefined` for a value of another program or version. */
export function parseBlock(value: string): Block | undefined {
  try {
    const { known, ...block } = storedBlock.parse(JSON.parse(value))
    return { ...block, coverage: known }
  } catch {
    return undefined
  }
}
