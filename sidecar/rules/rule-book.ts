import { AppError } from '../errors.ts'
import { KeyedLock } from '../keyed-lock.ts'
import type { JsonObject, RecordStore } from '../ports/records.ts'
import { derivedId } from '../scope.ts'
import { type AppRules, appRules, DEFAULT_RULES } from './rules.ts'

export interface StoredRules {
  /** `null`: the rules of every app of the namespace that has none of its own. */
  app_id: string | null
  /** 0: nobody has set any, these are the defaults. */
  version: number
  rules: AppRules
  /** Epoch milliseconds. */
  updated_at: number | null
}

export interface RuleBookOptions {
  records: RecordStore
  now?: () => number
}

/** The rules of a namespace's apps. Every version is kept. */
export class RuleBook {
  readonly #records: RecordStore
  readonly #now: () => number
  readonly #lock = new KeyedLock()

  constructor({ records, now = Date.now }: RuleBookOptions) {
    this.#records = records
    this.#now = now
  }

  /** The rules that hold for an app: its own, else the namespace's, else the defaults. */
  async inForce(namespace: string, appId: string | null): Promise<StoredRules> {
    const own = appId === null ? undefined : await this.#read(namespace, appId)
    return (
      own ??
      (await this.#read(namespace, null)) ?? {
        app_id: appId,
        version: 0,
        rules: DEFAULT_RULES,
        updated_at: null,
      }
    )
  }

  /** The rules as an app itself has set them. @throws {AppError} `not_found` for a version that there is not. */
  async get(namespace: string, appId: string | null, version?: number): Promise<StoredRules> {
    if (version === undefined) return await this.inForce(namespace, appId)
    const found = await this.#read(namespace, appId, version)
    if (!found) throw new AppError('not_found', `version: no version ${version} of these rules`)
    return found
  }

  /**
   * Replaces the rules of an app as a whole.
   * @param expected the version that the caller has seen; another one by now is a `conflict`
   */
  async put(
    namespace: string,
    appId: string | null,
    rules: AppRules,
    expected?: number,
  ): Promise<StoredRules> {
    return await this.#lock.run(ruleScope(namespace), async () => {
      const current = (await this.#read(namespace, appId))?.version ?? 0
      if (expected !== undefined && expected !== current) {
        throw new AppError(
          'conflict',
          `if_version: expected ${current}, the version in force, got ${expected}`,
        )
      }
      const stored: StoredRules = { app_id: appId, version: current + 1, rules, updated_at: this.#now() }
      const payload = stored as unknown as JsonObject
      const scope = ruleScope(namespace)
      const order = stored.version
      await this.#records.commit([
        { put: { id: recordId(appId), order, payload }, collection: 'rules', scope },
        { put: { id: recordId(appId, stored.version), order, payload }, collection: 'rules', scope },
      ])
      return stored
    })
  }

  async #read(namespace: string, appId: string | null, version?: number): Promise<StoredRules | undefined> {
    const record = await this.#records.get('rules', ruleScope(namespace), recordId(appId, version))
    if (!record) return undefined
    const stored = record.payload as unknown as StoredRules
    // Fields that came with a later release get their defaults.
    return { ...stored, rules: appRules.parse(stored.rules) }
  }
}

/** Rules belong to no user: they stand under the user id that no user can have. */
function ruleScope(namespace: string): string {
  return `${encodeURIComponent(namespace)}/`
}

function recordId(appId: string | null, version?: number): string {
  return derivedId('rules', appId ?? '', version === undefined ? 'current' : String(version))
}
