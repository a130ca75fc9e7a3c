import { LRUCache } from 'lru-cache'
import { AppError } from '../../ports/errors.ts'
import {
  type Collection,
  type Position,
  type RecordStore,
  type StoredRecord,
  scopesOf,
  scrollPages,
  type Write,
} from '../../ports/records.ts'
import { boundedTo } from '../../text/lru.ts'
import { type Scope, scopeKey } from '../model/scope.ts'

/** What a key may store; 0 for no limit. */
export interface QuotaLimits {
  memoriesPerUser: number
  bytesPerUser: number
  usersPerKey: number
}

/** Left after the request; absent without that limit. */
export type Remaining = Partial<Record<'memories' | 'bytes' | 'users', number>>

export interface QuotaCheck {
  remaining: Remaining
  /** Why nothing more may be stored. */
  exceeded: AppError | undefined
}

interface Usage {
  memories: number
  bytes: number
  /** Whether records were removed or overwritten after they were counted. */
  isUpperBound: boolean
  /** Epoch milliseconds. */
  countedAt: number
}

/** Everything that requests to add or import can make grow. */
const COUNTED = new Set<Collection>(['turns', 'memories', 'versions', 'history'])
/** Users whose usage is held. */
const MAX_USERS_HELD = 10_000
const PAGE = 250
/** Within this time, a usage at its limit is not counted again, milliseconds. */
const RECOUNT_MS = 10_000
/** Other sidecars write too, so a usage is counted again after this time, milliseconds. */
const USAGE_TTL_MS = 600_000

/**
 * Limits what is stored per user, and the users per key. Usage is counted once from the store and then by the commits of
 * this process, so requests in flight at once can exceed a limit together by what they add.
 */
export class Quotas {
  /** The store, with its commits counted. */
  readonly records: RecordStore
  readonly #store: RecordStore
  readonly #limits: QuotaLimits
  readonly #now: () => number
  readonly #usage: LRUCache<string, Usage>
  /** One entry per API key. */
  readonly #users = new Map<string, { count: number; countedAt: number }>()

  constructor({ records, limits, now }: { records: RecordStore; limits: QuotaLimits; now: () => number }) {
    this.#store = records
    this.#limits = limits
    this.#now = now
    this.#usage = new LRUCache({ ...boundedTo(MAX_USERS_HELD), ttl: USAGE_TTL_MS, perf: { now } })
    const isLimited = Object.values(limits).some((limit) => limit > 0)
    this.records = isLimited
      ? {
          ...records,
          commit: async (writes) => {
            await records.commit(writes)
            for (const write of writes) this.#note(write)
          },
        }
      : records
  }

  /** Whether a user may store so many more memories; 0 for a new version of one. Reads at most one page of each collection, unless a limit is near. */
  async check(scope: Scope, memories: number): Promise<QuotaCheck> {
    const { memoriesPerUser, bytesPerUser, usersPerKey } = this.#limits
    const remaining: Remaining = {}
    if (memoriesPerUser + bytesPerUser + usersPerKey === 0) return { remaining, exceeded: undefined }
    const key = scopeKey(scope)
    const isFull = (usage: Usage) =>
      (memoriesPerUser > 0 && usage.memories + memories > memoriesPerUser) ||
      (bytesPerUser > 0 && usage.bytes >= bytesPerUser)
    let usage = this.#usage.get(key) ?? (await this.#startCount(key))
    if (isFull(usage) && usage.isUpperBound && this.#now() - usage.countedAt >= RECOUNT_MS) {
      usage = await this.#recount(key)
    }
    const users = usersPerKey > 0 ? await this.#countUsers(scope.namespace, usage) : 0
    if (memoriesPerUser > 0) remaining.memories = Math.max(0, memoriesPerUser - usage.memories)
    if (bytesPerUser > 0) remaining.bytes = Math.max(0, bytesPerUser - usage.bytes)
    if (usersPerKey > 0) remaining.users = Math.max(0, usersPerKey - users)
    return { remaining, exceeded: this.#refusal(usage, memories, users) }
  }

  #refusal(usage: Usage, memories: number, users: number): AppError | undefined {
    const { memoriesPerUser, bytesPerUser, usersPerKey } = this.#limits
    if (memoriesPerUser > 0 && usage.memories + memories > memoriesPerUser) {
      return exceeded(
        `user_id: this user has ${usage.memories} memories, and the request has ${memories}; the limit is ${memoriesPerUser}`,
        'delete memories, let topics expire by the rules of the app, or raise MAX_MEMORIES_PER_USER',
      )
    }
    if (bytesPerUser > 0 && usage.bytes >= bytesPerUser) {
      return exceeded(
        `user_id: this user has ${usage.bytes} bytes of turns, memories and history; the limit is ${bytesPerUser}`,
        'forget users that are gone, or raise MAX_BYTES_PER_USER',
      )
    }
    if (usersPerKey > 0 && memories > 0 && usage.bytes === 0 && users >= usersPerKey) {
      return exceeded(
        `user_id: this API key has ${users} users; the limit is ${usersPerKey}`,
        'forget users that are gone, or raise MAX_USERS_PER_KEY',
      )
    }
    return undefined
  }

  #note(write: Write): void {
    if (!COUNTED.has(write.collection)) return
    const usage = this.#usage.get(write.scope)
    if (!usage) return
    // A put may overwrite a record, whose size is not known.
    usage.isUpperBound = true
    if ('remove' in write) return
    if (usage.bytes === 0) {
      const users = this.#users.get(namespaceOf(write.scope))
      if (users) users.count += 1
    }
    add(usage, write.collection, [write.put])
  }

  /** Counts the first page of each collection, and the rest in the background. */
  async #startCount(key: string): Promise<Usage> {
    const usage: Usage = { memories: 0, bytes: 0, isUpperBound: false, countedAt: this.#now() }
    const rest = await Promise.all(
      [...COUNTED].map(async (collection) => {
        const page = await this.#store.scroll(collection, key, { limit: PAGE, withVectors: false })
        add(usage, collection, page)
        const last = page.at(-1)
        return last && page.length === PAGE ? { collection, after: { order: last.order, id: last.id } } : []
      }),
    )
    this.#usage.set(key, usage)
    // The next request starts again where the store failed.
    this.#countRest(key, usage, rest.flat()).catch(() => this.#usage.delete(key))
    return usage
  }

  async #recount(key: string): Promise<Usage> {
    const usage: Usage = { memories: 0, bytes: 0, isUpperBound: false, countedAt: this.#now() }
    await this.#countRest(
      key,
      usage,
      [...COUNTED].map((collection) => ({ collection })),
    )
    this.#usage.set(key, usage)
    return usage
  }

  async #countRest(
    key: string,
    usage: Usage,
    parts: readonly { collection: Collection; after?: Position }[],
  ): Promise<void> {
    for (const { collection, after } of parts) {
      const options = { limit: PAGE, withVectors: false, ...(after && { after }) }
      for await (const page of scrollPages(this.#store, collection, key, options))
        add(usage, collection, page)
    }
  }

  /** Counted again where a new user reaches the limit. */
  async #countUsers(namespace: string, usage: Usage): Promise<number> {
    const known = this.#users.get(namespace)
    const isAtLimit = usage.bytes === 0 && known !== undefined && known.count >= this.#limits.usersPerKey
    if (known && !(isAtLimit && this.#now() - known.countedAt >= RECOUNT_MS)) return known.count
    const counts = await Promise.all(
      (['turns', 'memories'] as const).map((collection) => this.#countScopes(collection, namespace)),
    )
    const count = Math.max(...counts)
    this.#users.set(namespace, { count, countedAt: this.#now() })
    return count
  }

  async #countScopes(collection: Collection, namespace: string): Promise<number> {
    const prefix = scopeKey({ namespace, userId: '' })
    let count = 0
    for await (const scope of scopesOf(this.#store, collection, prefix)) {
      if (!scope.startsWith(prefix)) break
      count += 1
    }
    return count
  }
}

function namespaceOf(key: string): string {
  return decodeURIComponent(key.slice(0, key.indexOf('/')))
}

function add(usage: Usage, collection: Collection, records: readonly StoredRecord[]): void {
  if (collection === 'memories') usage.memories += records.length
  for (const { payload } of records) usage.bytes += Buffer.byteLength(JSON.stringify(payload))
}

function exceeded(state: string, advice: string): AppError {
  return new AppError('quota_exceeded', `${state}. Nothing was stored: ${advice}.`)
}
