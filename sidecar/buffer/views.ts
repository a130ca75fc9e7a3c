import { LRUCache } from 'lru-cache'
import type { CacheStore } from '../ports/cache-store.ts'
import { derivedId } from '../scope.ts'

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
    const key = keyOf(scope, conversationId)
    const isNews = this.#known.get(key)?.windowSize !== view.windowSize
    this.#known.set(key, view)
    if (isNews) this.#cache.set(key, String(view.windowSize), SHARED_FOR_MS).catch(() => {})
  }

  of(scope: string, conversationId: string): View | undefined {
    return this.#known.get(keyOf(scope, conversationId))
  }

  /** Asks the others of a window that is not known here. Whether they know it; never rejects. */
  async ask(scope: string, conversationId: string): Promise<boolean> {
    const key = keyOf(scope, conversationId)
    const shared = await this.#cache.get(key).catch(() => undefined)
    const windowSize = Number(shared?.value)
    if (!Number.isInteger(windowSize) || this.#known.has(key)) return false
    this.#known.set(key, { turn: 0, windowSize })
    return true
  }
}

function keyOf(scope: string, conversationId: string): string {
  return `view/${encodeURIComponent(scope)}/${derivedId('view', conversationId)}`
}
