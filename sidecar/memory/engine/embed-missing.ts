import type { Log } from '../../ports/log.ts'
import { type RecordStore, type StoredRecord, scrollPages } from '../../ports/records.ts'
import { EMBEDDED } from '../repositories/meta.ts'
import {
  getUnembeddedNote,
  isZero,
  removeUnembeddedNote,
  unembeddedScopes,
} from '../repositories/unembedded.ts'
import { readPastVersion } from '../repositories/versions.ts'
import type { MemoryEngine } from './engine.ts'
import type { UnitOfWork } from './unit-of-work.ts'

export interface MissingVectorsOptions {
  records: RecordStore
  engine: Pick<MemoryEngine, 'change'>
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
    const { records, log, now } = this.#options
    this.#mayExist = false
    try {
      for await (const scope of unembeddedScopes(records)) {
        if (this.#isClosed) return
        const note = await getUnembeddedNote(records, scope)
        if (!note) continue
        this.#mayExist = true
        if (note.not_before > now()) continue
        const isAvailable = await this.#embedScope(scope, note)
        if (!isAvailable) return
      }
    } catch (error) {
      this.#mayExist = true
      log.warn('missing embeddings not added, will be retried', { error: String(error) })
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#options.timers.clearTimeout(this.#timer)
    await this.#running
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
