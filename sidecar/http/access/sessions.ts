import { createHash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { type CacheStore, CacheUnavailable } from '../../ports/cache-store.ts'
import { AppError } from '../../ports/errors.ts'
import { boundedTo } from '../../text/lru.ts'
import { type ApiKey, sha256Of } from './api-keys.ts'

export interface SessionOptions {
  /** Where sessions are stored; all sidecars on one Redis share them. */
  cache: CacheStore
  apiKeys: readonly ApiKey[]
  /** Epoch milliseconds. */
  now: () => number
}

/** Hours until the key must be entered again. */
export const SESSION_HOURS = 12
const SESSION_MS = SESSION_HOURS * 3_600_000

/** Sessions per namespace; another sign-in ends an earlier one. */
const MAX_SESSIONS = 32

/** Failed sign-ins per address within the period. */
const MAX_FAILURES = 10
const FAILURE_PERIOD_MS = 300_000

/**
 * Signed-in browsers. The cookie is `namespace.slot.secret`; stored is the hash of the secret and of the API key, so that
 * a session ends when its key is removed from the configuration.
 */
export class Sessions {
  readonly #options: SessionOptions
  readonly #failures: LRUCache<string, { count: number; until: number }>

  constructor(options: SessionOptions) {
    this.#options = options
    this.#failures = new LRUCache(boundedTo(10_000))
  }

  /**
   * Starts a session.
   * @param address of the client, for the limit of failed sign-ins
   * @returns the value of the cookie
   * @throws {AppError} `unauthorized` for an unknown key, `too_many_attempts`
   */
  async signIn(secret: string, address: string): Promise<{ token: string; namespace: string }> {
    this.#assertAllowed(address)
    const digest = sha256Of(secret)
    const key = this.#options.apiKeys.filter(({ sha256 }) => timingSafeEqual(sha256, digest)).at(0)
    if (!key) {
      this.#countFailure(address)
      throw new AppError('unauthorized', 'key: unknown API key')
    }
    const { namespace } = key
    const own = randomBytes(32).toString('base64url')
    const slot = await available(async () => {
      const free = await this.#freeSlot(namespace)
      await this.#options.cache.set(entryKey(namespace, free), proofOf(own, key), SESSION_MS)
      return free
    })
    return { token: `${namespace}.${slot}.${own}`, namespace }
  }

  /** Returns the namespace of a session that has not ended. */
  async namespaceOf(token: string): Promise<string | undefined> {
    const parsed = parse(token)
    if (!parsed) return undefined
    const { namespace, slot, own } = parsed
    const stored = await available(() => this.#options.cache.get(entryKey(namespace, slot)))
    if (stored === undefined) return undefined
    const value = Buffer.from(stored.value)
    const isValid = this.#options.apiKeys.some((key) => {
      const proof = Buffer.from(proofOf(own, key))
      return key.namespace === namespace && proof.length === value.length && timingSafeEqual(proof, value)
    })
    return isValid ? namespace : undefined
  }

  async signOut(token: string): Promise<void> {
    if ((await this.namespaceOf(token)) === undefined) return
    const { namespace, slot } = parse(token) as NonNullable<ReturnType<typeof parse>>
    await available(() => this.#options.cache.delete(entryKey(namespace, slot)))
  }

  /** A slot without a session, or any slot if there is none. */
  async #freeSlot(namespace: string): Promise<number> {
    const start = randomInt(MAX_SESSIONS)
    for (let i = 0; i < MAX_SESSIONS; i++) {
      const slot = (start + i) % MAX_SESSIONS
      if (!(await this.#options.cache.get(entryKey(namespace, slot)))) return slot
    }
    return start
  }

  #assertAllowed(address: string): void {
    const now = this.#options.now()
    const failed = this.#failures.get(address)
    if (!failed || failed.until <= now || failed.count < MAX_FAILURES) return
    const retryAfterS = Math.ceil((failed.until - now) / 1000)
    const message = `More than ${MAX_FAILURES} sign-ins failed. Try again in ${retryAfterS} s.`
    throw new AppError('too_many_attempts', message, { retryAfterS })
  }

  #countFailure(address: string): void {
    const now = this.#options.now()
    const failed = this.#failures.get(address)
    const isCurrent = failed !== undefined && failed.until > now
    this.#failures.set(address, {
      count: isCurrent ? failed.count + 1 : 1,
      until: isCurrent ? failed.until : now + FAILURE_PERIOD_MS,
    })
  }
}

/** A namespace may contain dots; slot and secret may not. */
function parse(token: string): { namespace: string; slot: number; own: string } | undefined {
  const [, namespace, slot, own] = /^([\w.-]{1,64})\.(\d{1,2})\.([\w-]{43})$/.exec(token) ?? []
  if (namespace === undefined || own === undefined) return undefined
  return { namespace, slot: Number(slot), own }
}

function entryKey(namespace: string, slot: number): string {
  return `session/${encodeURIComponent(namespace)}/${slot}`
}

function proofOf(own: string, { sha256 }: ApiKey): string {
  return createHash('sha256').update(own).update(sha256).digest('base64url')
}

async function available<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof CacheUnavailable)) throw error
    throw new AppError(
      'backend_unavailable',
      'The cache that holds the sessions does not respond. Retry later.',
      {
        cause: error,
      },
    )
  }
}
