import { mayServe, servesUntilTurn } from '../../memory/model/window-rule.ts'
import { type CachedEntry, type CacheStore, CacheUnavailable } from '../../ports/cache-store.ts'
import { AppError, invalid } from '../../ports/errors.ts'
import type { Json } from '../../ports/records.ts'

/** The turn of the flow. Without these fields, only the TTL decides. */
export interface TurnContext {
  conversationId?: string | undefined
  turn?: number | undefined
  windowSize?: number | undefined
}

interface CacheRead {
  status: 'hit' | 'miss' | 'stale'
  /**
   * `absent`: no value, or expired. `backend`: the cache is unavailable; the flow should continue as after a miss.
   * `window`: turns have left the window. `conversation`: the value belongs to another conversation.
   */
  reason: 'hit' | 'absent' | 'backend' | 'window' | 'conversation'
  value: Json
  age_turns: number | null
  age_s: number | null
  serves_until_turn: number | null
}

interface Envelope extends TurnContext {
  value: Json
}

export interface CacheWrite extends Envelope {
  ttlSeconds?: number | undefined
}

/** One day: longer than the usual pause of a chat. */
export const DEFAULT_TTL_S = 86_400
export const MAX_TTL_S = 30 * 86_400
/** UTF-8 bytes of a value as JSON. Cache Get reads answers of up to 2 MB, so that it can read every stored value. */
const MAX_VALUE_BYTES = 1024 * 1024

export type AuthorCache = ReturnType<typeof createAuthorCache>

/**
 * The cache for workflow authors (Cache Get, Cache Set). It follows the window rule: a value set at turn `t` has the
 * watermark `t − 1`.
 */
export function createAuthorCache(store: CacheStore, now: () => number = Date.now) {
  const keyOf = (namespace: string, key: string) => `author/${encodeURIComponent(namespace)}/${key}`
  return {
    async read(namespace: string, key: string, context: TurnContext): Promise<CacheRead> {
      let entry: CachedEntry | undefined
      try {
        entry = await store.get(keyOf(namespace, key))
      } catch (error) {
        if (error instanceof CacheUnavailable) return miss('backend')
        throw error
      }
      const envelope = entry && parseEnvelope(entry.value)
      if (!entry || !envelope) return miss('absent')
      const windowSize = context.windowSize ?? envelope.windowSize
      const { turn: storedTurn, conversationId: storedIn } = envelope
      const { turn } = context
      const isSameConversation =
        storedIn === undefined || context.conversationId === undefined || storedIn === context.conversationId
      // Turn numbers of two conversations cannot be compared.
      const age =
        isSameConversation && storedTurn !== undefined && turn !== undefined ? turn - storedTurn : null
      // A negative age is a regenerated turn: its thread may contain turns that the value does not include. In turn
      // numbers relative to the write, the watermark is −1.
      const isServable =
        age === null || windowSize === undefined || (age >= 0 && mayServe(age, -1, windowSize))
      const reason = isSameConversation ? (isServable ? 'hit' : 'window') : 'conversation'
      return {
        status: reason === 'hit' ? 'hit' : 'stale',
        reason,
        value: envelope.value,
        age_turns: age === null ? null : Math.max(0, age),
        age_s: Math.max(0, Math.round((now() - entry.storedAt) / 1000)),
        serves_until_turn: lastServedTurn(storedTurn, windowSize),
      }
    },
    async write(namespace: string, key: string, { ttlSeconds = DEFAULT_TTL_S, ...envelope }: CacheWrite) {
      const { value, conversationId, turn, windowSize } = envelope
      const text = serialiseEnvelope({ value, conversationId, turn, windowSize })
      try {
        const size = Buffer.byteLength(text)
        if (size > MAX_VALUE_BYTES) {
          throw new RangeError(`value: expected at most ${MAX_VALUE_BYTES} bytes of JSON, got ${size}`)
        }
        await store.set(keyOf(namespace, key), text, ttlSeconds * 1000)
      } catch (cause) {
        if (!(cause instanceof RangeError)) throw toAppError(cause)
        // The flow replaced the earlier value, so it must not be served again.
        await store.delete(keyOf(namespace, key)).catch(() => {})
        throw new AppError('payload_too_large', `${cause.message}. The earlier value was removed.`, { cause })
      }
      return { expiresAt: now() + ttlSeconds * 1000, servesUntilTurn: lastServedTurn(turn, windowSize) }
    },
    async remove(namespace: string, key: string) {
      try {
        return await store.delete(keyOf(namespace, key))
      } catch (cause) {
        throw toAppError(cause)
      }
    },
  }
}

function miss(reason: 'absent' | 'backend'): CacheRead {
  return { status: 'miss', reason, value: null, age_turns: null, age_s: null, serves_until_turn: null }
}

/** Hides the address of the cache from the caller. */
function toAppError(cause: unknown): unknown {
  if (!(cause instanceof CacheUnavailable)) return cause
  return new AppError('backend_unavailable', `The cache did not answer (${cause.reason}).`, { cause })
}

/** Returns `undefined` for a value of another program. */
function parseEnvelope(text: string): Envelope | undefined {
  try {
    const envelope: unknown = JSON.parse(text)
    return typeof envelope === 'object' && envelope !== null && 'value' in envelope
      ? (envelope as Envelope)
      : undefined
  } catch {
    return undefined
  }
}

/** `JSON.stringify` throws for deeply nested values that `JSON.parse` accepts. */
function serialiseEnvelope(envelope: Envelope): string {
  try {
    return JSON.stringify(envelope)
  } catch {
    throw invalid('value', 'JSON that is not nested thousands of levels deep')
  }
}

function lastServedTurn(turn: number | undefined, windowSize: number | undefined): number | null {
  return turn === undefined || windowSize === undefined ? null : servesUntilTurn(turn - 1, windowSize)
}
