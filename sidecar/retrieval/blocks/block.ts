import { hash } from 'node:crypto'
import { z } from 'zod'
import type { Memory } from '../../memory/model/memory.ts'
import type { Narrowing } from '../../memory/model/scope.ts'
import type { TurnCoverage } from './turn-coverage.ts'

const blockContent = z.object({
  /** Part of the prompt, byte-identical while the block is served. */
  text: z.string(),
  /** o200k tokens. */
  tokens: z.number(),
  /** Each with its score for the query of the build; 0 if the query does not match it. */
  memories: z.array(z.object({ memory: z.custom<Memory>(), score: z.number() })),
  /** Embedding of the query of the build; absent unless topic shifts are detected. */
  vector: z.array(z.number()).optional(),
  coverage: z.custom<TurnCoverage>().optional(),
})

/** A block with the values that decide whether it may be served. */
const block = blockContent.extend({
  /** First 16 hex digits of the SHA-256 of the text. */
  hash: z.string(),
  /** Turn of the build. */
  turn: z.number(),
  watermark: z.number(),
  /** The latest turn that had been added. */
  lastTurn: z.number(),
  epoch: z.number(),
  fence: z.number(),
  /** Epoch milliseconds. */
  expiresAt: z.number(),
})

export type BlockContent = z.output<typeof blockContent>
export type Block = z.output<typeof block>

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
  /** Separates the blocks of arms that are only compared. */
  shadow?: string | undefined
}

/** Increment when older blocks become unreadable or when blocks are selected differently. */
const FORMAT = 3

export function blockKey(identity: BlockIdentity): string {
  const { conversationId, strategy, agentId, runId, appId, filters, ...rest } = identity
  const { topK, tokenBudget, windowSize, watchesTopic, shadow } = rest
  const filtersText = filters === undefined ? undefined : JSON.stringify(filters)
  const parts = [conversationId, strategy, agentId, runId, appId, filtersText]
  // Length-prefixed, so that different identities have different texts.
  const texts = parts.map((part) => (part === undefined ? '-' : `${part.length}:${part}`))
  const suffix = shadow === undefined ? '' : ` ${shadow}`
  const text = `${FORMAT} ${texts.join('')} ${topK} ${tokenBudget} ${windowSize} ${watchesTopic}${suffix}`
  return hash('sha256', text, 'hex').slice(0, 32)
}

export function hashOf(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 16)
}

/** `coverage` is stored as `known`. The `context` of a memory is only used by the index. */
export function serialise({ coverage, ...rest }: Block): string {
  const memories = rest.memories.map(({ memory, score }) => ({
    memory: { ...memory, context: null },
    score,
  }))
  return JSON.stringify({ ...rest, memories, known: coverage })
}

/** Returns `undefined` for a value of another program or version. */
export function parseBlock(value: string): Block | undefined {
  try {
    const stored = JSON.parse(value)
    return block.parse({ ...stored, coverage: stored.known })
  } catch {
    return undefined
  }
}
