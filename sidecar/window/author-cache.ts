import { AppError, invalid } from '../errors.ts'
import { type CachedEntry, type CacheStore, CacheUnavailable } from '../ports/cache-store.ts'
import type { Json } from '../ports/records.ts'
import { mayServe, servesUntilTurn } from './rule.ts'

/** What the flow knows of the turn it is in. All optional: without them only the time to live decides. */
export interface TurnContext {
  conversationId?: string | undefined
  turn?: number | undefined
  windowSize?: number | undefined
}

export type CacheReason = 'hit' | 'absent' | 'backend' | 'window' | 'conversation'

export interface CacheRead {
  status: 'hit' | 'miss' | 'stale'
  /**
   * `absent`: nothing there, or its time to live ran out. `backend`: the cache did not answer, and a flow should go on
   * as if nothing were there. `window`, `conversation`: why it may not be served.
   */
  reason: CacheReason
  value: Json
  age_turns: number | null
  age_s: number | null
  serves_until_turn: number | null
}

export interface CacheWrite extends TurnContext {
  value: Json
  ttlSeconds?: number | undefined
}

/** One day: longer than a chat usually pauses, short enough that what nobody reads goes away. */
export const DEFAULT_TTL_S = 86_400
export const MAX_TTL_S = 30 * 86_400

interface Envelope extends TurnContext {
  value: Json
}

export interface AuthorCache {
  read(namespace: string, key: string, context: TurnContext): Promise<CacheRead>
  write(
    namespace: string,
    key: string,
    entry: CacheWrite,
  ): Promise<{ expiresAt: number; servesUntilTurn: number | null }>
  remove(namespace: string, key: string): Promise<boolean>
}

/**
 * The cache that workflow authors fill themselves (Cache Get, Cache Set), by the same rule as ours: a value set at
 * turn `t` was made of what was known then, so its watermark is `t − 1`.
 */
export function createAuthorCache(store: CacheStore, now: () => number = Date.now): AuthorCache {
  const keyOf = (namespace: string, key: string) => `author/${encodeURIComponent(namespace)}/${key}`
  return {
    async read(namespace, key, context) {
      let entry: CachedEntry | undefined
      try {
        entry = await store.get(keyOf(namespace, key))
      } catch (error) {
        if (error instanceof CacheUnavailable) return miss('backend')
        throw error
      }
      const envelope = entry && fromJson(entry.value)
      if (!entry || !envelope) return miss('absent')
      const windowSize = context.windowSize ?? envelope.windowSize
      const { turn: storedTurn, conversationId: storedIn } = envelope
      const sameConversation =
        storedIn === undefined || context.conversationId === undefined || storedIn === context.conversationId
      // Turn numbers of two conversations cannot be compared.
      const comparable = sameConversation && storedTurn !== undefined && context.turn !== undefined
      const inWindow =
        !comparable ||
        windowSize === undefined ||
        // Before the turn that it was set at another thread begins, whose turns it cannot know.
        ((context.turn as number) >= (storedTurn as number) &&
          mayServe(context.turn as number, (storedTurn as number) - 1, windowSize))
      const reason: CacheReason = sameConversation ? (inWindow ? 'hit' : 'window') : 'conversation'
      return {
        status: reason === 'hit' ? 'hit' : 'stale',
        reason,
        value: envelope.value,
        // A turn number that goes backwards (a regenerated answer) is no negative age.
        age_turns: comparable ? Math.max(0, (context.turn as number) - (storedTurn as number)) : null,
        age_s: Math.max(0, Math.round((now() - entry.storedAt) / 1000)),
        serves_until_turn: lastTurn(storedTurn, windowSize),
      }
    },
    async write(namespace, key, { value, ttlSeconds = DEFAULT_TTL_S, conversationId, turn, windowSize }) {
      const text = toJson({ value, conversationId, turn, windowSize })
      try {
        await store.set(keyOf(namespace, key), text, ttlSeconds * 1000)
      } catch (cause) {
        if (cause instanceof RangeError) throw new AppError('payload_too_large', cause.message, { cause })
        throw answerable(cause)
      }
      return { expiresAt: now() + ttlSeconds * 1000, servesUntilTurn: lastTurn(turn, windowSize) }
    },
    async remove(namespace, key) {
      try {
        return await store.delete(keyOf(namespace, key))
      } catch (cause) {
        throw answerable(cause)
      }
    },
  }
}

function miss(reason: 'absent' | 'backend'): CacheRead {
  return { status: 'miss', reason, value: null, age_turns: null, age_s: null, serves_until_turn: null }
}

/** What a caller may be told of a cache that failed: that it did, not where it is. */
function answerable(cause: unknown): unknown {
  if (!(cause instanceof CacheUnavailable)) return cause
  return new AppError('backend_unavailable', `The cache did not answer (${cause.reason}).`, { cause })
}

/** Others may write to a shared store: what is not ours counts as nothing. */
function fromJson(text: string): Envelope | undefined {
  try {
    const envelope: unknown = JSON.parse(text)
    return typeof envelope === 'object' && envelope !== null && 'value' in envelope
      ? (envelope as Envelope)
      : undefined
  } catch {
    return undefined
  }
}

/** Reading JSON has no limit to nesting but writing it has one, the stack. */
function toJson(envelope: Envelope): string {
  try {
    return JSON.stringify(envelope)
  } catch {
    throw invalid('value', 'JSON that is not nested thousands of levels deep')
  }
}

function lastTurn(turn: number | undefined, windowSize: number | undefined): number | null {
  return turn === undefined || windowSize === undefined ? null : servesUntilTurn(turn - 1, windowSize)
}
