import { LRUCache } from 'lru-cache'
import { derivedId } from '../../memory/model/scope.ts'
import type { CacheStore } from '../../ports/cache-store.ts'

/** What a recall told of the chat window of its conversation. */
export interface View {
  /** The turn that it was for. */
  turn: number
  windowSize: number
}

/** Conversations whose window is held in mind; those that were recalled for last. */
const MAX_VIEWS = 50_000
const SHARED_FOR_MS = 7 * 86_400_000

/**
 * The windows of conversations, as recalls tell of them. Sizes are shared with other sidecars through the cache, so
 * that a turn may be added through another one than it was recalled through. All of it may be lost: then a turn is
 * learned from a little later.
 */
export class Views {
  readonly #cache: CacheStore
  readonly #known = new LRUCache<string, View>({ maxSize: MAX_VIEWS, sizeCalculation: () => 1 })

  constructor(cache: CacheStore) {
    this.#cache = cache
  }

  /** That a turn is recalled for. Never rejects, and waits for nobody. */
  note(scope: string, conversationId: string, view: View): void {
    const place = placeOf(scope, conversationId)
    const isNews = this.#known.get(place)?.windowSize !== view.windowSize
    this.#known.set(place, view)
    if (!isNews) return
    this.#cache.set(keyOf(scope, conversationId), String(view.windowSize), SHARED_FOR_MS).catch(() => {})
  }

  of(scope: string, conversationId: string): View | undefined {
    return this.#known.get(placeOf(scope, conversationId))
  }

  /** Asks the others of a window that is not known here. Whether they know it; never rejects. */
  async ask(scope: string, conversationId: string): Promise<boolean> {
    const shared = await this.#cache.get(keyOf(scope, conversationId)).catch(() => undefined)
    const windowSize = Number(shared?.value)
    const place = placeOf(scope, conversationId)
    if (!Number.isInteger(windowSize) || this.#known.has(place)) return false
    this.#known.set(place, { turn: 0, windowSize })
    return true
  }
}

/** In this process, and without the price of a hash: each recall asks. No scope has a space. */
function placeOf(scope: string, conversationId: string): string {
  return `${scope} ${conversationId}`
}

function keyOf(scope: string, conversationId: string): string {
  return `view/${encodeURIComponent(scope)}/${derivedId('view', conversationId)}`
}
