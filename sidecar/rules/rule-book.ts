import { isDeepStrictEqual } from 'node:util'
import { LRUCache } from 'lru-cache'
import { AppError } from '../errors.ts'
import type { JsonObject, RecordStore } from '../ports/records.ts'
import type { ScopeLock } from '../ports/scope-lock.ts'
import { derivedId } from '../scope.ts'
import { type AppRules, DEFAULT_RULES } from './rules.ts'

/** Rules as an app, or a namespace for all of its apps, has set them at one time. */
export interface RulesVersion {
  /** From 1, without gaps. */
  version: number
  /** `null`: from this version on there are none of its own. */
  rules: AppRules | null
  /** Epoch milliseconds. */
  updatedAt: number
}

export type RulesSource = 'app' | 'namespace' | 'default'

/** The rules that hold for an app. */
export interface RulesInForce {
  /** `null`: what holds for apps without rules of their own. */
  appId: string | null
  /** Newest version of those that were set for just this `appId`, also when it took them back; 0 when none were. */
  version: number
  /** Whose rules hold, and which version of them; that of the defaults is 0. */
  from: { source: RulesSource; version: number }
  rules: AppRules
  /** Epoch milliseconds; `null` for the defaults. */
  updatedAt: number | null
}

export interface RuleBookOptions {
  records: RecordStore
  lock: ScopeLock
  /** Whether other processes set rules in the same records. */
  isShared?: boolean | undefined
  now?: () => number
}

/** Apps whose rules are held at once. */
const MAX_HELD = 1000

/** The rules of a namespace's apps. Every version is kept. */
export class RuleBook {
  readonly #records: RecordStore
  readonly #now: () => number
  readonly #lock: ScopeLock
  /** The newest versions, also where there is none; absent where other processes set rules too. */
  readonly #held: LRUCache<string, { newest: RulesVersion | undefined }> | undefined

  /** Tells whether what was read may be of before a write. */
  #writes = 0

  constructor({ records, lock, isShared = false, now = Date.now }: RuleBookOptions) {
    this.#records = records
    this.#lock = lock
    this.#held = isShared ? undefined : new LRUCache({ max: MAX_HELD })
    this.#now = now
  }

  /** The rules that hold for an app: its own, else the namespace's, else the defaults. */
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

  /** One version as it was set. @throws {AppError} `not_found` for one that there is not */
  async version(namespace: string, appId: string | null, version: number): Promise<RulesVersion> {
    const found = await this.#read(namespace, appId, version)
    if (found) return found
    const whose = appId === null ? 'the namespace' : `app ${JSON.stringify(appId)}`
    throw new AppError('not_found', `version: no version ${version} of the rules of ${whose}`)
  }

  /** Versions, the newest first. @param before only those below it; absent: all */
  async versions(
    namespace: string,
    appId: string | null,
    { limit, before }: { limit: number; before?: number | undefined },
  ): Promise<RulesVersion[]> {
    const newest = (await this.#read(namespace, appId))?.version ?? 0
    const first = Math.min(newest, before === undefined ? newest : before - 1)
    const wanted = Array.from({ length: Math.max(0, Math.min(limit, first)) }, (_, i) => first - i)
    const found = await Promise.all(wanted.map((version) => this.#read(namespace, appId, version)))
    return found.filter((one) => one !== undefined)
  }

  /**
   * Replaces the rules of an app as a whole; `null` takes them back. What changes nothing is no new version.
   * @param expected the `version` that the caller has seen; another one by now is a `conflict`
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
        // Also of a commit that was refused: it may have taken effect all the same.
        this.#held?.delete(heldAs(namespace, appId))
        this.#writes += 1
      }
      return await this.inForce(namespace, appId)
    })
  }

  /** Asked for with every turn. */
  async #newest(namespace: string, appId: string | null): Promise<RulesVersion | undefined> {
    const key = heldAs(namespace, appId)
    const known = this.#held?.get(key)
    if (known) return known.newest
    const writes = this.#writes
    const newest = await this.#read(namespace, appId)
    if (writes === this.#writes) this.#held?.set(key, { newest })
    return newest
  }

  async #read(namespace: string, appId: string | null, version?: number): Promise<RulesVersion | undefined> {
    const record = await this.#records.get('rules', rulesScope(namespace), recordId(appId, version))
    if (!record) return undefined
    const stored = record.payload as unknown as RulesVersion
    // They were checked when they were set, and hold even if they would be refused today. Fields that came with a
    // later release get their defaults.
    return { ...stored, rules: stored.rules && { ...DEFAULT_RULES, ...stored.rules } }
  }
}

function heldAs(namespace: string, appId: string | null): string {
  return JSON.stringify([namespace, appId])
}

/** Rules belong to no user: they stand under the user id that no user can have. */
function rulesScope(namespace: string): string {
  return `${encodeURIComponent(namespace)}/`
}

function recordId(appId: string | null, version?: number): string {
  return derivedId(
    'rules',
    ...(appId === null ? [] : [appId]),
    version === undefined ? 'current' : String(version),
  )
}
