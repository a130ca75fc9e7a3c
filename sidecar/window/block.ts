import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import type { Memory } from '../memory/memory.ts'
import type { Narrowing } from '../scope.ts'
import type { Knowledge } from './knowledge.ts'

/** A memory of a block, and its score for the query that the block was built with; 0 for one that it did not find. */
export interface BlockMemory {
  memory: Memory
  score: number
}

/** What is injected, and kept to the byte while it is served. */
export interface BlockContent {
  text: string
  /** o200k. */
  tokens: number
  memories: BlockMemory[]
  /** The building query's embedding; only where a shift of topic is watched for. */
  vector?: number[] | undefined
  /** What of the conversation could be found when it was built. */
  known?: Knowledge | undefined
}

/** A block with what decides whether it may be served. */
export interface Block extends BlockContent {
  /** First 16 hex digits of the SHA-256 of the text. */
  hash: string
  /** The turn that it was built at. */
  turn: number
  watermark: number
  /** The latest turn that had been added. */
  lastTurn: number
  epoch: number
  fence: number
  /** Epoch milliseconds at which its time to live is over. */
  expiresAt: number
}

/** Everything that decides what a block holds, apart from the memories and the query. */
export interface BlockIdentity extends Omit<Narrowing, 'conversationId'> {
  conversationId: string
  strategy: string
  /** The filters as they were given. */
  filters?: unknown
  topK: number
  tokenBudget: number
  windowSize: number
  watchesTopic: boolean
}

/** Moves when blocks of before can be read no more, or would be put together otherwise. */
const FORMAT = 3

export function blockKey(identity: BlockIdentity): string {
  const { conversationId, strategy, agentId, runId, appId, filters, ...rest } = identity
  const { topK, tokenBudget, windowSize, watchesTopic } = rest
  const filtersText = filters === undefined ? undefined : JSON.stringify(filters)
  const parts = [conversationId, strategy, agentId, runId, appId, filtersText]
  // Each with its length, so that no two identities are one; none is as long as what is absent.
  const texts = parts.map((part) => (part === undefined ? '-' : `${part.length}:${part}`))
  const text = `${FORMAT} ${texts.join('')} ${topK} ${tokenBudget} ${windowSize} ${watchesTopic}`
  return hash('sha256', text, 'hex').slice(0, 32)
}

export function hashOf(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 16)
}

const Stored = z.looseObject({
  text: z.string(),
  tokens: z.number(),
  memories: z.array(z.object({ memory: z.custom<Memory>(), score: z.number() })),
  vector: z.array(z.number()).optional(),
  known: z.custom<Knowledge>().optional(),
  hash: z.string(),
  turn: z.number(),
  watermark: z.number(),
  lastTurn: z.number(),
  epoch: z.number(),
  fence: z.number(),
  expiresAt: z.number(),
})

/** What a memory was said after is for finding it, which a block's memories have been. */
export function serialise(block: Block): string {
  const memories = block.memories.map(({ memory, score }) => ({
    memory: { ...memory, context: null },
    score,
  }))
  return JSON.stringify({ ...block, memories })
}

/** Others may write to a shared store: what is not ours counts as nothing. */
export function parseBlock(value: string): Block | undefined {
  try {
    return Stored.safeParse(JSON.parse(value)).data
  } catch {
    return undefined
  }
}

/** Most bytes of text whose blocks are held; what was read out of it takes about as much again. */
const HELD_BYTES = 32 * 1024 * 1024

/** Reads blocks, and each text once. What it answers is shared by all who ask: nobody may change it. */
export class BlockReader {
  readonly #held = new LRUCache<string, Block>({
    maxSize: HELD_BYTES,
    sizeCalculation: (_block, text) => 2 * text.length + 96,
  })

  read(value: string): Block | undefined {
    const held = this.#held.get(value)
    if (held) return held
    const block = parseBlock(value)
    if (block) this.#held.set(value, block)
    return block
  }
}
