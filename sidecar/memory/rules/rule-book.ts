import { isDeepStrictEqual } from 'node:util'
import { LRUCache } from 'lru-cache'
import { AppError } from '../../ports/errors.ts'
import type { JsonObject, RecordStore } from '../../ports/records.ts'
import type { ScopeLock } from '../../ports/scope-lock.ts'
import { type AppRules, DEFAULT_RULES } from './rules.ts'
import { type RulesVersion, readRulesVersion, recordId, rulesScope } from './stored-rules.ts'

type RulesSource = 'app' | 'namespace' | 'default'

/** The rules that apply to an app. */
export interface RulesInForce {
  /** `null`: the namespace, for apps without rules of their own. */
  appId: string | null
  /** Newest version set for exactly this `appId`, including removals; 0 if none was set. */
  version: number
  /** Source and version of the rules that apply; version 0 for the defaults. */
  from: { source: RulesSource; version: number }
  rules: AppRules
  /** Epoch milliseconds; `null` for the defaults. */
  updatedAt: number | null
}

interface RuleBookOptions {
  records: RecordStore
  lock: ScopeLock
  /** Apps whose rules are cached; 0 if other processes write rules to the same record store. @default 1000 */
  maxCached?: number
  now?: () => number
}

/** Reads and writes the rules of apps. Keeps every version. */
export class RuleBook {
  readonly #records: RecordStore
  readonly #now: () => number
  readonly #lock: ScopeLock
  /** Newest versions, including their absence. */
  readonly #cache: LRUCache<string, { newest: RulesVersion | undefined }> | undefined
  /** Detects a write during a read, whose result must then not be cached. */
  #writes = 0

  constructor({ records, lock, maxCached = 1000, now = Date.now }: RuleBookOptions) {
    this.#records = records
    this.#lock = lock
    this.#cache = maxCached === 0 ? undefined : new LRUCache({ max: maxCached })
    this.#now = now
  }

  /** Returns the rules that apply to an app: its own, else those of the namespace, else the defaults. */
  async inForce(namespace: string, appId: string | null): Promise<RulesInForce> {
    const own = await this.#newest(namespace, appId)
    const version = own?.version ?? 0
    if (own?.rules) {
      const source: RulesSource = appId === null ? 'namespace' : 'app'
      return { appId, version, from: { source, version }, rules: own.rules, updatedAt: own.updatedAt }
    }
    if (appId === null) {
      const from = { source: 'default' as const, version: 0 }
      return { appId, version, from, rules: DEFAULT_RULES, updatedAt: null }
    }
    return { ...(await this.inForce(namespace, null)), appId, version }
  }

  /** @throws {AppError} `not_found` */
  async version(namespace: string, appId: string | null, version: number): Promise<RulesVersion> {
    const found = await this.#read(namespace, appId, version)
    if (found) return found
    const owner = appId === null ? 'the namespace' : `app ${JSON.stringify(appId)}`
    throw new AppError('not_found', `version: no version ${version} of the rules of ${owner}`)
  }

  /** Lists versions, newest first. @param before lists only versions below this one */
  async versions(
    namespace: string,
    appId: string | null,
    { limit, before }: { limit: number; before?: number | undefined },
  ): Promise<RulesVersion[]> {
    const newest = (await this.#read(namespace, appId))?.version ?? 0
    const first = Math.min(newest, before === undefined ? newest : before - 1)
    const numbers = Array.from({ length: Math.max(0, Math.min(limit, first)) }, (_, i) => first - i)
    const found = await Promise.all(numbers.map((version) => this.#read(namespace, appId, version)))
    return found.filter((version) => version !== undefined)
  }

  /**
   * Replaces all rules of an app; `null` removes them. Creates no new version if nothing changes.
   * @param expected the newest version that the caller knows; any other newest version is a `conflict`
   */
  async put(
    namespace: string,
    appId: string | null,
    rules: AppRules | null,
    expected?: number,
  ): Promise<RulesInForce> {
    const scope = rulesScope(namespace)
    return await this.#lock.run(scope, async ({ assertHeld }) => {
      const current = await this.#read(namespace, appId)
      const newest = current?.version ?? 0
      if (expected !== undefined && expected !== newest) {
        throw new AppError('conflict', `if_version: expected ${newest}, the newest version, got ${expected}`)
      }
      if (isDeepStrictEqual(current?.rules ?? null, rules)) return await this.inForce(namespace, appId)
      const version: RulesVersion = { version: newest + 1, rules, updatedAt: this.#now() }
      const record = { order: version.version, payload: version as unknown as JsonObject }
      await assertHeld()
      try {
        await this.#records.commit([
          { put: { id: recordId(appId), ...record }, collection: 'rules', scope },
          { put: { id: recordId(appId, version.version), ...record }, collection: 'rules', scope },
        ])
      } finally {
        // A commit that failed may still have taken effect.
        this.#cache?.delete(cacheKey(namespace, appId))
        this.#writes += 1
      }
      return await this.inForce(namespace, appId)
    })
  }

  async #newest(namespace: string, appId: string | null): Promise<RulesVersion | undefined> {
    const key = cacheKey(namespace, appId)
    const known = this.#cache?.get(key)
    if (known) return known.newest
    const writes = this.#writes
    const newest = await this.#read(namespace, appId)
    if (writes === this.#writes) this.#cache?.set(key, { newest })
    return newest
  }

  async #read(namespace: string, appId: string | null, version?: number): Promise<RulesVersion | undefined> {
    const record = await this.#records.get('rules', rulesScope(namespace), recordId(appId, version))
    return record && readRulesVersion(record)
  }
}

function cacheKey(namespace: string, appId: string | null): string {
  return JSON.stringify([namespace, appId])
}
