import type { Embedder } from '../../ports/embedder.ts'
import type { Log } from '../../ports/log.ts'
import { type RecordStore, type StoredRecord, scrollPages } from '../../ports/records.ts'
import { type Scope, scopeKey } from '../model/scope.ts'
import { EMBEDDED } from '../repositories/meta.ts'
import {
  getUnembeddedNote,
  isZero,
  removeUnembeddedNote,
  type UnembeddedNote,
  unembeddedScopes,
} from '../repositories/unembedded.ts'
import { readPastVersion } from '../repositories/versions.ts'
import type { MemoryEngine } from './engine.ts'
import type { UnitOfWork } from './unit-of-work.ts'

export interface MissingVectorsOptions {
  records: RecordStore
  engine: Pick<MemoryEngine, 'change'>
  embedder: Pick<Embedder, 'isReachable'>
  log: Pick<Log, 'info' | 'warn'>
  now: () => number
  timers: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>
}

const INTERVAL_MS = 60_000
/** Records that are embedded under one lock. */
const PAGE = 64

/** Embeds the records that were stored without a vector, once the embedder accepts them. */
export class MissingVectors {
  readonly #options: MissingVectorsOptions
  /** A process that ended may have left some. */
  #mayExist = true
  #running: Promise<unknown> = Promise.resolve()
  /** Namespaces for which clients embed now, and when their other users are looked through again. */
  readonly #resuming = new Set<string>()
  readonly #nextScan = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: MissingVectorsOptions) {
    this.#options = options
  }

  /** Some records were stored without a vector. */
  readonly note = (): void => {
    this.#mayExist = true
  }

  start(): void {
    if (this.#isClosed) return
    this.#timer = this.#options.timers.setTimeout(() => {
      this.#running = this.#mayExist ? this.run() : Promise.resolve()
      void this.#running.then(() => this.start())
    }, INTERVAL_MS)
    this.#timer.unref?.()
  }

  /** One attempt for each scope that is due. Never rejects. */
  async run(): Promise<void> {
    this.#mayExist = false
    await this.#try(unembeddedScopes(this.#options.records))
  }

  /**
   * A client can embed now: starts with this user, and at most once a minute continues with the others of the namespace.
   * Resolves when it is known whether there is anything to do; see `isResuming`.
   */
  async resume({ namespace, userId }: Scope): Promise<void> {
    const { records, now } = this.#options
    if (!this.#mayExist || this.#isClosed || this.#resuming.has(namespace)) return
    this.#resuming.add(namespace)
    const own = scopeKey({ namespace, userId })
    const isScanDue = now() >= (this.#nextScan.get(namespace) ?? 0)
    // The scan finds an unavailable store itself.
    const isNeeded = isScanDue || (await getUnembeddedNote(records, own).catch(() => undefined)) !== undefined
    if (isNeeded) {
      if (isScanDue) this.#nextScan.set(namespace, now() + INTERVAL_MS)
      const others = isScanDue ? unembeddedScopes(records, namespace) : []
      this.#running = Promise.all([this.#running, this.#try([own]).then(() => this.#try(others))]).finally(
        () => this.#resuming.delete(namespace),
      )
    } else this.#resuming.delete(namespace)
  }

  /** Whether records of a namespace are being embedded by its clients. */
  isResuming({ namespace }: Pick<Scope, 'namespace'>): boolean {
    return this.#resuming.has(namespace)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#options.timers.clearTimeout(this.#timer)
    await this.#running
  }

  /** Embeds scopes until the embedder is unavailable. */
  async #try(scopes: AsyncIterable<string> | Iterable<string>): Promise<void> {
    const { records, embedder, log } = this.#options
    try {
      for await (const scope of scopes) {
        if (this.#isClosed) return
        const note = await getUnembeddedNote(records, scope)
        if (!note) continue
        this.#mayExist = true
        if (embedder.isReachable?.(scope) === false || !this.#isDue(note)) continue
        const isAvailable = await this.#embedScope(scope, note)
        if (!isAvailable) return
      }
    } catch (error) {
      this.#mayExist = true
      log.warn('missing embeddings not added, will be retried', { error: String(error) })
    }
  }

  /** What has not failed yet is due as soon as a client can embed it. */
  #isDue({ not_before, attempts }: UnembeddedNote): boolean {
    const { embedder, now } = this.#options
    return not_before <= now() || (embedder.isReachable !== undefined && attempts === 0)
  }

  /** False: the embedder is unavailable, for other scopes too. */
  async #embedScope(scope: string, note: { token: string; attempts: number }): Promise<boolean> {
    const { records, engine, log } = this.#options
    let embedded = 0
    for (const collection of EMBEDDED) {
      for await (const page of scrollPages(records, collection, scope, { limit: PAGE })) {
        const missing = page.filter(({ dense }) => dense && isZero(dense))
        if (missing.length === 0) continue
        const unit = await engine.change(scope, async (unit) => {
          unit.embeddingAttempts = note.attempts + 1
          for (const record of missing) await clearVector(unit, collection, record)
          return unit
        })
        if (unit.embeddingError) return false
        embedded += missing.length
      }
    }
    await engine.change(scope, async (unit) => {
      // Another token: some were refused again, or were added since.
      if ((await getUnembeddedNote(unit.records, scope))?.token !== note.token) return
      unit.addWrites(removeUnembeddedNote(scope))
    })
    log.info('missing embeddings added', { records: embedded })
    return true
  }
}

/** The commit embeds what has no vector. The record may have changed since it was read. */
async function clearVector(
  unit: UnitOfWork,
  collection: (typeof EMBEDDED)[number],
  record: StoredRecord,
): Promise<void> {
  if (collection === 'memories') {
    const held = await unit.find(record.id)
    if (held?.dense && isZero(held.dense)) unit.put(held.memory)
    return
  }
  const { id, version } = readPastVersion(record).past.memory
  const held = await unit.findPast(id, version)
  if (held?.dense && isZero(held.dense)) unit.putPast(held.past, undefined)
}
