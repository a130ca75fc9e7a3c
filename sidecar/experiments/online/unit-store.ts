import { randomUUID } from 'node:crypto'
import { type OnInvalidRecord, tryRead } from '../../memory/repositories/record.ts'
import {
  type RecordStore,
  type StoredRecord,
  scrollAll,
  scrollPages,
  type Write,
} from '../../ports/records.ts'
import type { ScopeLock } from '../../ports/scope-lock.ts'
import type { ShardUnits } from '../report-thread/shard-units.ts'
import { type Place, packIdOf, SHARDS, shardScope } from './places.ts'
import { ShardReader } from './shard-reader.ts'
import { addRow, emptySummary, type OutcomeChange, type Row, type RowEffect } from './summary.ts'
import { closePack, openPack, packs, packUnit, type UnitPack, unpackUnit } from './unit-pack.ts'
import {
  armTotals,
  LAST_PACK,
  liveUnits,
  PACK_ORDER,
  putLive,
  putTotals,
  type ShardTotals,
  type StoredUnit,
} from './unit-record.ts'

export interface PlacedRow {
  place: Place
  row: Row
}

/** `unknown`: the unit or its experiment was erased. */
export type Effect = RowEffect | 'unknown'

type AttributedChange = OutcomeChange & Pick<Place, 'namespace' | 'experiment'> & { arm: string }

export interface UnitStoreOptions {
  records: RecordStore
  lock: ScopeLock
  onInvalidRecord?: OnInvalidRecord | undefined
  /** Called after an outcome was stored. */
  onOutcome?: ((change: AttributedChange) => void) | undefined
  /** Live units that a shard keeps when it packs the others. @default 256 */
  keptLive?: number | undefined
}

const PAGE = 1000
/** Packs per commit. */
const PACKS_AT_ONCE = 8

/**
 * Units of experiments: 16 shards per experiment, each written under the lock of its scope. A row is added to the record
 * of its unit and not stored itself. A shard with more than twice `keptLive` live units packs those that were seen least
 * recently; a packed unit becomes live again when it gets a row.
 */
export class UnitStore {
  readonly #records: RecordStore
  readonly #lock: ScopeLock
  readonly #onInvalid: OnInvalidRecord | undefined
  readonly #onOutcome: UnitStoreOptions['onOutcome']
  readonly #keptLive: number
  readonly #reader: ShardReader

  constructor({ records, lock, onInvalidRecord, onOutcome, keptLive = 256 }: UnitStoreOptions) {
    this.#records = records
    this.#lock = lock
    this.#onInvalid = onInvalidRecord
    this.#onOutcome = onOutcome
    this.#keptLive = keptLive
    this.#reader = new ShardReader(records, onInvalidRecord)
  }

  async find({ scope, recordId }: Place): Promise<StoredUnit | undefined> {
    return await this.#reader.find(scope, recordId)
  }

  /**
   * Returns the arm of a unit. A new unit gets the arm that `decide` returns, which is called under the lock of the
   * shard; `undefined`: it stays unassigned.
   */
  async assign(
    place: Place,
    now: () => number,
    decide: () => Promise<string | undefined>,
  ): Promise<string | undefined> {
    const { scope, unit } = place
    return await this.#lock.run(scope, async ({ assertHeld }) => {
      const known = await this.find(place)
      if (known) return known.summary.arm
      const arm = await decide()
      if (arm === undefined) return undefined
      const totals = await this.#reader.totals(scope)
      totals.live += 1
      armTotals(totals, arm).units += 1
      const at = now()
      const stored: StoredUnit = {
        user_id: unit.userId,
        conversation_id: unit.conversationId,
        seen: at,
        recent: [],
        values: [],
        summary: emptySummary(arm, at),
      }
      await assertHeld()
      await this.#records.commit([putLive(scope, place.recordId, stored), putTotals(scope, totals)])
      return arm
    })
  }

  /** Adds rows to their units, those of a shard in one commit. Returns the effect of each row. */
  async fold(rows: readonly PlacedRow[]): Promise<Map<PlacedRow, Effect>> {
    const effects = new Map<PlacedRow, Effect>()
    for (const [scope, ofShard] of Map.groupBy(rows, ({ place }) => place.scope)) {
      await this.#lock.run(scope, async ({ assertHeld }) => {
        const { writes, totals, outcomes } = await this.#foldShard(scope, ofShard, effects)
        if (writes.length === 0) return
        await assertHeld()
        await this.#records.commit(writes)
        for (const change of outcomes) this.#onOutcome?.(change)
        if (totals.live > 2 * this.#keptLive) await this.#packOldest(scope, totals, assertHeld)
      })
    }
    return effects
  }

  /**
   * All units of an experiment, in one list per shard. One call reads a whole shard, so that each unit is read once.
   * @param pending rows to be added, by record id
   */
  async *summaries(
    namespace: string,
    salt: string,
    pending: ReadonlyMap<string, readonly Row[]>,
  ): AsyncGenerator<ShardUnits> {
    const read = (shard: number) => {
      const scope = shardScope(namespace, salt, shard)
      const reading = this.#lock.run(scope, () => this.#reader.readAll(scope))
      // The read-ahead may fail before it is awaited.
      reading.catch(() => {})
      return reading
    }
    const packsWithRows = new Set([...pending.keys()].map(packIdOf))
    let next = read(0)
    for (let shard = 1; shard <= SHARDS; shard++) {
      const { live, packed } = await next
      if (shard < SHARDS) next = read(shard)
      const withRows = (id: string, unit: StoredUnit) => {
        for (const row of pending.get(id) ?? []) addRow(unit, row)
        return unit.summary
      }
      const found: ShardUnits = { units: live.map(([id, unit]) => withRows(id, unit)), packed: '' }
      for (const [packId, columns] of packed) {
        if (!packsWithRows.has(packId)) found.packed += columns.summaries
        else for (const [id, unit] of openPack(columns)) found.units.push(withRows(id, unpackUnit(unit)))
      }
      yield found
    }
  }

  /** Units and turns by arm, without reading the units. */
  async totals(namespace: string, salt: string): Promise<Omit<ShardTotals, 'live'>> {
    const shards = Array.from({ length: SHARDS }, (_, shard) => shardScope(namespace, salt, shard))
    const sum: ShardTotals = { arms: {}, live: 0, conflicts: 0 }
    for (const { arms, conflicts } of await Promise.all(shards.map((scope) => this.#reader.totals(scope)))) {
      sum.conflicts += conflicts
      for (const [arm, { units, turns }] of Object.entries(arms)) {
        const totals = armTotals(sum, arm)
        totals.units += units
        totals.turns += turns
      }
    }
    return { arms: sum.arms, conflicts: sum.conflicts }
  }

  /** Removes the ids of a user from the units; their sums stay. Returns the number of units. */
  async forget(namespace: string, salt: string, userId: string): Promise<number> {
    let count = 0
    for (let shard = 0; shard < SHARDS; shard++) {
      const scope = shardScope(namespace, salt, shard)
      await this.#lock.run(scope, async ({ assertHeld }) => {
        const { live, packed } = await this.#reader.readAll(scope)
        const quoted = JSON.stringify(userId)
        const writes: Write[] = []
        // The record id is a hash of the user id. The ids of rows and outcomes may name turns and messages.
        const anonymise = (unit: StoredUnit): void => {
          const rest = { user_id: null, conversation_id: null, recent: [], values: [] }
          writes.push(putLive(scope, randomUUID(), { ...unit, ...rest }))
          count += 1
        }
        for (const [id, unit] of live) {
          if (unit.user_id !== userId) continue
          writes.push(liveUnits.remove(scope, id))
          anonymise(unit)
        }
        let unpacked = 0
        for (const [packId, columns] of packed) {
          // Parsing every unit would block the event loop for seconds.
          if (!columns.rest.includes(quoted)) continue
          const pack = openPack(columns)
          const before = pack.size
          for (const [id, one] of pack) {
            if (!one.rest.includes(quoted) || unpackUnit(one).user_id !== userId) continue
            pack.delete(id)
            anonymise(unpackUnit(one))
          }
          if (pack.size === before) continue
          unpacked += before - pack.size
          writes.push(packs.put(scope, packId, PACK_ORDER, closePack(pack)))
        }
        if (writes.length === 0) return
        const totals = await this.#reader.totals(scope)
        totals.live += unpacked
        await assertHeld()
        await this.#records.commit([...writes, putTotals(scope, totals)])
      })
    }
    return count
  }

  /** Erases all units of an experiment. It is stopped already, so that no unit is assigned afterwards. */
  async erase(namespace: string, salt: string): Promise<void> {
    for (let shard = 0; shard < SHARDS; shard++) {
      const scope = shardScope(namespace, salt, shard)
      await this.#lock.run(scope, async ({ assertHeld }) => {
        for await (const page of scrollPages(this.#records, 'experiments', scope, { limit: PAGE })) {
          await assertHeld()
          await this.#records.commit(page.map(({ id }) => liveUnits.remove(scope, id)))
        }
      })
    }
  }

  async #foldShard(scope: string, rows: readonly PlacedRow[], effects: Map<PlacedRow, Effect>) {
    const totals = await this.#reader.totals(scope)
    const changedPacks = new Map<string, UnitPack>()
    const writes: Write[] = []
    const outcomes: AttributedChange[] = []
    for (const [id, ofUnit] of Map.groupBy(rows, ({ place }) => place.recordId)) {
      let unit = await this.#reader.findLive(scope, id)
      let isChanged = !unit
      if (!unit) {
        const found = await this.#reader.findPacked(scope, id, changedPacks)
        if (!found) {
          for (const row of ofUnit) effects.set(row, 'unknown')
          continue
        }
        unit = found.unit
        found.pack.delete(id)
        changedPacks.set(packIdOf(id), found.pack)
        totals.live += 1
      }
      for (const placed of ofUnit) {
        const { row, place } = placed
        const { arm } = unit.summary
        const effect = addRow(unit, row, (change) =>
          outcomes.push({ ...{ namespace: place.namespace, experiment: place.experiment }, arm, ...change }),
        )
        effects.set(placed, effect)
        isChanged ||= effect !== 'duplicate'
        if (effect === 'other_arm') totals.conflicts += 1
        if (effect === 'added' && row.kind === 'exposure') armTotals(totals, row.arm).turns += 1
      }
      if (isChanged) writes.push(putLive(scope, id, unit))
    }
    for (const [packId, packed] of changedPacks) {
      writes.push(packs.put(scope, packId, PACK_ORDER, closePack(packed)))
    }
    if (writes.length > 0) writes.push(putTotals(scope, totals))
    return { writes, totals, outcomes }
  }

  /** Moves all but the latest `keptLive` live units into packs. */
  async #packOldest(scope: string, totals: ShardTotals, assertHeld: () => Promise<void>): Promise<void> {
    const count = totals.live - this.#keptLive
    const oldest: StoredRecord[] = []
    for await (const record of scrollAll(this.#records, 'experiments', scope, {
      limit: PAGE,
      after: LAST_PACK,
    })) {
      if (oldest.push(record) >= count) break
    }
    const byPack = [...Map.groupBy(oldest, ({ id }) => packIdOf(id))]
    for (let i = 0; i < byPack.length; i += PACKS_AT_ONCE) {
      const writes: Write[] = []
      for (const [packId, records] of byPack.slice(i, i + PACKS_AT_ONCE)) {
        const packed = await this.#reader.readPack(scope, packId)
        for (const record of records) {
          const unit = tryRead(record, liveUnits.read, this.#onInvalid)
          if (unit) packed.set(record.id, packUnit(unit))
          writes.push(liveUnits.remove(scope, record.id))
        }
        writes.push(packs.put(scope, packId, PACK_ORDER, closePack(packed)))
        totals.live -= records.length
      }
      await assertHeld()
      await this.#records.commit([...writes, putTotals(scope, totals)])
    }
  }
}
