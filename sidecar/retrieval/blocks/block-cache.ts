import { setTimeout as sleep } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { mayServe } from '../../memory/model/window-rule.ts'
import { CacheUnavailable } from '../../ports/cache-store.ts'
import type { Counters, Lease, ScopeState } from '../../ports/scope-state.ts'
import { type Block, type BlockContent, hashOf, parseBlock, serialise } from './block.ts'
import { type BlockReason, checkFreshness, type Freshness, type ServeConditions } from './freshness.ts'
import type { TurnTracker } from './watermark.ts'

export interface BlockCacheOptions {
  state: ScopeState
  turns: TurnTracker
  /** Whether the counters of a scope lack a change. */
  hasPendingNotices: (scope: string) => boolean
  /** Maximum lifetime of a block in milliseconds, ± 10 %. */
  ttlMs: number
  waitMs: number
  now: () => number
  random?: () => number
}

export interface ServedBlock {
  block: Block
  result: 'hit' | 'miss'
  reason: BlockReason
  /** Whether later turns can be served from the cache. */
  isStored: boolean
}

export interface BlockRequest extends ServeConditions {
  /** Key of the block within its scope. */
  key: string
  /** Aborted when the client has disconnected. */
  signal?: AbortSignal | undefined
  /** Set: the recall is not recorded, see `RecallRequest`. */
  shadow?: string | undefined
  /** @param unchanged the previous block, if no memory of the scope has changed since it was built */
  build: (unchanged: Block | undefined) => Promise<BlockContent & { expiresAt: number | null }>
  /** Called with a block that may be served if the build is late or fails. */
  onFallback: (block: Block) => void
}

interface CacheRead {
  freshness: Freshness
  block: Block | undefined
}

/** Interval at which a waiting request checks for the block, milliseconds. */
const POLL_MS = 20
/** Expired blocks are stored a little longer, so that the reason `ttl` can be reported. */
const RETENTION_MS = 3_600_000
/** Total length of the stored texts whose blocks are kept parsed, UTF-16 code units. */
const MAX_PARSED_CHARACTERS = 16 * 1024 * 1024

/**
 * Serves blocks by the window rule and builds missing ones, one build at a time per key. A block is stored only if no
 * memory was removed or corrected since its memories were read. Rejects with `CacheUnavailable` when it is unknown
 * whether a block may be served.
 */
export class BlockCache {
  readonly #options: BlockCacheOptions
  /** Stored texts and their blocks, by scope and key: a conversation reads the same block every turn. Never modified. */
  readonly #parsed = new LRUCache<string, { text: string; block: Block }>({
    maxSize: MAX_PARSED_CHARACTERS,
    sizeCalculation: ({ text }) => text.length + 1,
  })

  constructor(options: BlockCacheOptions) {
    this.#options = options
  }

  async getOrBuild(request: BlockRequest): Promise<ServedBlock> {
    if (this.#options.hasPendingNotices(request.scope)) {
      throw new CacheUnavailable('refused', 'the scope has changes that the scope state does not reflect yet')
    }
    const first = await this.#read(request, { recordsRecall: true })
    const { reason, isCorrect } = first.freshness
    if (reason === 'hit') return hit(first)
    if (isCorrect) request.onFallback(first.block as Block)
    // A block that another request builds would not be refreshed, or not fit the new topic.
    const canShare = reason !== 'forced' && reason !== 'topic_shift'
    const { state, waitMs } = this.#options
    let lease: Lease | undefined
    try {
      lease = await state.lease(request.scope, request.key, 2 * waitMs)
      for (let waited = 0; !lease && canShare && waited < waitMs; waited += POLL_MS) {
        await sleep(POLL_MS)
        request.signal?.throwIfAborted()
        const read = await this.#read(request)
        if (read.freshness.reason === 'hit') return hit(read)
        lease = await state.lease(request.scope, request.key, 2 * waitMs)
      }
      const built = await this.#build(request, first.block, reason)
      if (!built.isOutdated) return built
      // The second build is served, but not stored, if a removal happens during it as well.
      return await this.#build(request, undefined, reason)
    } finally {
      await lease?.release().catch(() => {})
    }
  }

  /** @param recordsRecall records the recall, so that its turn is expected to be added */
  async #read(request: BlockRequest, { recordsRecall = false } = {}): Promise<CacheRead> {
    const { scope, key, conversationId, turn, shadow } = request
    const { state, turns, now } = this.#options
    const recall =
      recordsRecall && shadow === undefined ? { conversation: conversationId, turn, at: now() } : undefined
    const { counters, block: stored, isFenced } = await state.read(scope, key, recall)
    const block = stored && this.#parse(`${scope} ${key}`, stored.value)
    const freshness: Freshness = block
      ? await checkFreshness(block, counters, request, { turns, now: now() })
      : { reason: isFenced ? 'fence' : 'first', isCorrect: false }
    return { freshness, block }
  }

  #parse(name: string, text: string): Block | undefined {
    const parsed = this.#parsed.get(name)
    if (parsed?.text === text) return parsed.block
    const block = parseBlock(text)
    if (block) this.#parsed.set(name, { text, block })
    return block
  }

  /** `isOutdated`: a memory was removed or corrected during the build. */
  async #build(
    request: BlockRequest,
    previous: Block | undefined,
    reason: BlockReason,
  ): Promise<ServedBlock & { isOutdated?: boolean }> {
    const { state, turns, ttlMs, now, random = Math.random } = this.#options
    // Read before the memories: the block may include later changes, but must not claim changes that it does not include.
    const counters = await state.counters(request.scope)
    const progress = await turns.readProgress(request)
    const { expiresAt, ...content } = await request.build(
      previous && isUnchanged(previous, counters, now()) ? previous : undefined,
    )
    const lifetime = Math.min(ttlMs * (0.9 + 0.2 * random()), (expiresAt ?? Number.POSITIVE_INFINITY) - now())
    const block: Block = {
      ...content,
      ...progress,
      ...counters,
      hash: hashOf(content.text),
      turn: request.turn,
      expiresAt: now() + lifetime,
    }
    const built = { block, result: 'miss', reason, isStored: false } as const
    if (lifetime <= 0 || !mayServe(request.turn, block.watermark, request.windowSize)) return built
    try {
      const ttl = Math.ceil(lifetime) + RETENTION_MS
      const isStored = await state.fill(request.scope, request.key, serialise(block), ttl, counters)
      return { ...built, isStored, isOutdated: !isStored }
    } catch (error) {
      if (error instanceof RangeError || error instanceof CacheUnavailable) return built
      throw error
    }
  }
}

/** A block that leaves out its own turn, which was stored already, lacks a memory at the next turn. */
function isUnchanged(block: Block, { epoch, fence }: Counters, now: number): boolean {
  const isOwnTurnStored = block.lastTurn >= block.turn
  return !isOwnTurnStored && block.epoch === epoch && block.fence === fence && block.expiresAt > now
}

function hit({ block }: CacheRead): ServedBlock {
  return { block: block as Block, result: 'hit', reason: 'hit', isStored: true }
}
