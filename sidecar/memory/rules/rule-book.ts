import { isDeepStrictEqual } from 'node:util'
import { LRUCache } from 'lru-cache'
import { AppError } from '../../ports/errors.ts'
import type { RecordStore } from '../../ports/records.ts'
import type { ScopeLock } from '../../ports/scope-lock.ts'
import { boundedTo } from '../../text/lru.ts'
import { type AppRules, DEFAULT_RULES } from './rules.ts'
import { type RulesVersion, recordId, rulesScope, rulesVersions } from './stored-rules.ts'

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
  /** Of apps and namespaces that have set none. @default DEFAULT_RULES */
  defaultRules?: AppRules | undefined
  now?: () => number
  /** How long rules in force are cached, so that another process may change them later, milliseconds. @default 0 */
  cacheMs?: number | undefined
}

const MAX_CACHED = 10_000

/** Reads and writes the rules of apps. Keeps every version. */
export class RuleBook {
  readonly #options: RuleBookOptions & Required<Pick<RuleBookOptions, 'now'>>
  readonly #cache: LRUCache<string, RulesInForce> | undefined
  /** Number of changes, so that no rules are cached that were read before the latest one. */
  #puts = 0

  constructor(options: RuleBookOptions) {
    this.#options = { now: Date.now, ...options }
    if (options.cacheMs) this.#cache = new LRUCache({ ...boundedTo(MAX_CACHED), ttl: options.cacheMs })
  }

  /** Returns the rules that apply to an app: its own, else those of the namespace, else the defaults. */
  async inForce(namespace: string, appId: string | null): Promise<RulesInForce> {
    const key = JSON.stringify([namespace, appId])
    const cached = this.#cache?.get(key)
    if (cached) return cached
    const puts = this.#puts
    const found = await this.#readInForce(namespace, appId)
    if (puts === this.#puts) this.#cache?.set(key, found)
    return found
  }

  async #readInForce(namespace: string, appId: string | null): Promise<RulesInForce> {
    const [own, ofNamespace] = await Promise.all([
      this.#read(namespace, appId),
      appId === null ? undefined : this.#readInForce(namespace, null),
    ])
    const version = own?.version ?? 0
    if (own?.rules) {
      const source: RulesSource = appId === null ? 'namespace' : 'app'
      return { appId, version, from: { source, version }, rules: own.rules, updatedAt: own.updatedAt }
    }
    if (ofNamespace) return { ...ofNamespace, appId, version }
    const from = { source: 'default' as const, version: 0 }
    return { appId, version, from, rules: this.#options.defaultRules ?? DEFAULT_RULES, updatedAt: null }
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
    return await this.#options.lock.run(scope, async ({ assertHeld }) => {
      const current = await this.#read(namespace, appId)
      const newest = current?.version ?? 0
      if (expected !== undefined && expected !== newest) {
        throw new AppError('conflict', `if_version: expected ${newest}, the newest version, got ${expected}`)
      }
      if (isDeepStrictEqual(current?.rules ?? null, rules)) return await this.#readInForce(namespace, appId)
      const version = newest + 1
      const stored = { version, rules, updatedAt: this.#options.now() }
      const ids = [recordId(appId), recordId(appId, version)]
      await assertHeld()
      await this.#options.records.commit(ids.map((id) => rulesVersions.put(scope, id, version, stored)))
      // Apps may inherit the rules of their namespace.
      this.#cache?.clear()
      this.#puts += 1
      return await this.inForce(namespace, appId)
    })
  }

  async #read(namespace: string, appId: string | null, version?: number): Promise<RulesVersion | undefined> {
    return await rulesVersions.get(this.#options.records, rulesScope(namespace), recordId(appId, version))
  }
}
