import { CacheUnavailable } from '../ports/cache-store.ts'
import type { Counters, Lease, ScopeState } from '../ports/scope-state.ts'
import { type Block, type BlockContent, BlockReader, hashOf, serialise } from './block.ts'
import { type BlockReason, type Circumstances, judge, type Verdict } from './judge.ts'
import { mayServe } from './rule.ts'
import type { Turns } from './watermark.ts'

export interface BlockCacheOptions {
  state: ScopeState
  turns: Turns
  /** Whether the counters of a scope tell of all its changes. */
  isSettled: (scope: string) => boolean
  /** Milliseconds that a block lives at the most, give or take a tenth. */
  ttlMs: number
  /** Milliseconds that one waits for a block that somebody else builds. */
  waitMs: number
  now: () => number
  random?: () => number
}

export interface Obtained {
  block: Block
  result: 'hit' | 'miss'
  reason: BlockReason
  /** Whether the next turn can find it: not where it was overtaken twice, or where it could not be stored. */
  isKept: boolean
}

export interface Building {
  /** What was served until now and holds what it held: nothing of the scope has changed since. */
  unchanged: Block | undefined
}

export interface BlockRequest extends Circumstances {
  /** Key of the block within its scope. */
  key: string
  build: (building: Building) => Promise<BlockContent & { expiresAt: number | null }>
  /** Told of a block that could be served while a better one is built. */
  onSafe: (block: Block) => void
}

/** How often somebody who waits for another process looks whether the block is there, milliseconds. */
const POLL_MS = 20
/** What is past its time is kept a little longer, so that the reason can be told. */
const AFTERLIFE_MS = 3_600_000

/**
 * Blocks, each served while the rule holds and built by one at a time. A block is stored only if nothing was removed
 * or corrected since its memories were read.
 * Rejects with `CacheUnavailable` when it cannot be known what may be served.
 */
export class BlockCache {
  readonly #options: BlockCacheOptions
  readonly #blocks = new BlockReader()
  readonly #building = new Map<string, Promise<unknown>>()

  constructor(options: BlockCacheOptions) {
    this.#options = options
  }

  async obtain(request: BlockRequest): Promise<Obtained> {
    const { isSettled } = this.#options
    if (!isSettled(request.scope)) {
      throw new CacheUnavailable('refused', 'not all changes of this scope have been told to the scope state')
    }
    const first = await this.#look(request, true)
    if (first.verdict.reason === 'hit') return served(first.block as Block)
    if (first.verdict.isSafe) request.onSafe(first.block as Block)
    // What is forced, or about another topic, is not served by what others build for their own query.
    const mayShare = first.verdict.reason !== 'forced' && first.verdict.reason !== 'topic_shift'
    const id = `${request.scope} ${request.key}`
    if (mayShare && this.#building.has(id)) {
      await within(this.#options.waitMs, this.#building.get(id))
      const second = await this.#look(request)
      if (second.verdict.reason === 'hit') return served(second.block as Block)
    }
    const mine = this.#buildAlone(request, first, mayShare)
    if (!this.#building.has(id)) this.#building.set(id, mine)
    try {
      return await mine
    } finally {
      if (this.#building.get(id) === mine) this.#building.delete(id)
    }
  }

  /** @param isNews the turn is noted as recalled for, so that it is expected to be added */
  async #look(
    request: BlockRequest,
    isNews = false,
  ): Promise<{ verdict: Verdict; block: Block | undefined; counters: Counters }> {
    const { state, turns, now } = this.#options
    const {
      counters,
      block: stored,
      isFenced,
    } = await state.read(
      request.scope,
      request.key,
      isNews ? { conversation: request.conversationId, turn: request.turn, at: now() } : undefined,
    )
    const block = stored && this.#blocks.read(stored.value)
    if (!block) return { verdict: { reason: isFenced ? 'fence' : 'first', isSafe: false }, block, counters }
    return { verdict: await judge(block, counters, request, { turns, now: now() }), block, counters }
  }

  /** Other processes are kept from building the same meanwhile; one that seems stuck is not waited for. */
  async #buildAlone(
    request: BlockRequest,
    first: { verdict: Verdict; block: Block | undefined },
    mayShare: boolean,
  ): Promise<Obtained> {
    const { state, waitMs } = this.#options
    let lease: Lease | undefined
    try {
      lease = await state.lease(request.scope, request.key, 2 * waitMs)
      for (let waited = 0; !lease && mayShare && waited < waitMs; waited += POLL_MS) {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS))
        const { verdict, block } = await this.#look(request)
        if (verdict.reason === 'hit') return served(block as Block)
        lease = await state.lease(request.scope, request.key, 2 * waitMs)
      }
      const { reason } = first.verdict
      return (
        (await this.#build(request, first.block, reason)) ??
        (await this.#build(request, undefined, reason, true))
      )
    } finally {
      await lease?.release().catch(() => {})
    }
  }

  /** `undefined` where something was removed meanwhile; unless it is the last try, which is as of now, and not kept. */
  async #build(
    request: BlockRequest,
    before: Block | undefined,
    reason: BlockReason,
    isLast: true,
  ): Promise<Obtained>
  async #build(
    request: BlockRequest,
    before: Block | undefined,
    reason: BlockReason,
  ): Promise<Obtained | undefined>
  async #build(
    request: BlockRequest,
    before: Block | undefined,
    reason: BlockReason,
    isLast = false,
  ): Promise<Obtained | undefined> {
    const { state, turns, ttlMs, now, random = Math.random } = this.#options
    // In this order: what comes in between is known without being counted on, and not the other way round.
    const counters = await state.counters(request.scope)
    const progress = await turns.progress(request)
    const isUnchanged =
      before?.epoch === counters.epoch && before.fence === counters.fence && before.expiresAt > now()
    const { expiresAt, ...content } = await request.build({ unchanged: isUnchanged ? before : undefined })
    const lifetime = Math.min(ttlMs * (0.9 + 0.2 * random()), (expiresAt ?? Number.POSITIVE_INFINITY) - now())
    const block: Block = {
      ...content,
      ...progress,
      ...counters,
      hash: hashOf(content.text),
      turn: request.turn,
      expiresAt: now() + lifetime,
    }
    const built = { block, result: 'miss' as const, reason }
    if (lifetime <= 0 || !mayServe(request.turn, block.watermark, request.windowSize)) {
      return { ...built, isKept: false }
    }
    try {
      const value = serialise(block)
      const isKept = await state.fill(
        request.scope,
        request.key,
        value,
        Math.ceil(lifetime) + AFTERLIFE_MS,
        counters,
      )
      return isKept || isLast ? { ...built, isKept } : undefined
    } catch (error) {
      if (error instanceof RangeError || error instanceof CacheUnavailable) return { ...built, isKept: false }
      throw error
    }
  }
}

function served(block: Block): Obtained {
  return { block, result: 'hit', reason: 'hit', isKept: true }
}

async function within(milliseconds: number, task: Promise<unknown> | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds)
  })
  await Promise.race([task?.catch(() => {}), late])
  clearTimeout(timer)
}
