import { LRUCache } from 'lru-cache'
import { derivedId } from '../../memory/model/scope.ts'
import type { CacheStore } from '../../ports/cache-store.ts'
import { boundedTo } from '../../text/lru.ts'

/** The chat window of a conversation as its last recall reported it. */
export interface ObservedWindow {
  /** The turn that the recall was for. */
  turn: number
  windowSize: number
}

const MAX_WINDOWS = 50_000
const TTL_MS = 7 * 86_400_000

/** The chat windows of conversations. Sizes are shared through the cache; a lost entry delays the extraction. */
export class ObservedWindows {
  readonly #cache: CacheStore
  readonly #windows = new LRUCache<string, ObservedWindow>(boundedTo(MAX_WINDOWS))

  constructor(cache: CacheStore) {
    this.#cache = cache
  }

  /** Shares the size in the background. Never rejects. */
  set(scope: string, conversationId: string, window: ObservedWindow): void {
    const key = keyOf(scope, conversationId)
    const isNewSize = this.#windows.get(key)?.windowSize !== window.windowSize
    this.#windows.set(key, window)
    if (isNewSize) this.#cache.set(key, String(window.windowSize), TTL_MS).catch(() => {})
  }

  get(scope: string, conversationId: string): ObservedWindow | undefined {
    return this.#windows.get(keyOf(scope, conversationId))
  }

  /** Loads a window that another sidecar observed. Returns whether it was found; never rejects. */
  async load(scope: string, conversationId: string): Promise<boolean> {
    const key = keyOf(scope, conversationId)
    if (this.#windows.has(key)) return false
    const shared = await this.#cache.get(key).catch(() => undefined)
    const windowSize = Number(shared?.value)
    if (!Number.isInteger(windowSize) || this.#windows.has(key)) return false
    this.#windows.set(key, { turn: 0, windowSize })
    return true
  }
}

function keyOf(scope: string, conversationId: string): string {
  return `view/${encodeURIComponent(scope)}/${derivedId('view', conversationId)}`
}
