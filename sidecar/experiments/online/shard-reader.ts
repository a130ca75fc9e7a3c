import { type OnInvalidRecord, tryRead } from '../../memory/repositories/record.ts'
import { type RecordStore, scrollAll } from '../../ports/records.ts'
import { packIdOf } from './places.ts'
import { openPack, type PackColumns, packs, type UnitPack, unpackUnit } from './unit-pack.ts'
import {
  liveUnits,
  PACK_ORDER,
  type ShardTotals,
  type StoredUnit,
  TOTALS_ID,
  totalsRecords,
} from './unit-record.ts'

/** Records per read: 100 packs are 13 MB. */
const PAGE = 32

/** Reads the records of a shard: live units, packs and totals. */
export class ShardReader {
  readonly #records: RecordStore
  readonly #onInvalid: OnInvalidRecord | undefined

  constructor(records: RecordStore, onInvalid: OnInvalidRecord | undefined) {
    this.#records = records
    this.#onInvalid = onInvalid
  }

  async find(scope: string, id: string): Promise<StoredUnit | undefined> {
    return (await this.findLive(scope, id)) ?? (await this.findPacked(scope, id))?.unit
  }

  async findLive(scope: string, id: string): Promise<StoredUnit | undefined> {
    const record = await this.#records.get('experiments', scope, id)
    return record && tryRead(record, liveUnits.read, this.#onInvalid)
  }

  /** @param changed packs as they will be written */
  async findPacked(scope: string, id: string, changed?: ReadonlyMap<string, UnitPack>) {
    const packId = packIdOf(id)
    const pack = changed?.get(packId) ?? (await this.readPack(scope, packId))
    const packed = pack.get(id)
    return packed && { pack, unit: unpackUnit(packed) }
  }

  /** Empty if there is no such pack. */
  async readPack(scope: string, packId: string): Promise<UnitPack> {
    const columns = await packs.get(this.#records, scope, packId)
    return columns ? openPack(columns) : new Map()
  }

  async readAll(scope: string) {
    const live: [id: string, unit: StoredUnit][] = []
    const packed: [id: string, pack: PackColumns][] = []
    for await (const record of scrollAll(this.#records, 'experiments', scope, { limit: PAGE })) {
      if (record.id === TOTALS_ID) continue
      if (record.order === PACK_ORDER) packed.push([record.id, packs.read(record)])
      else {
        const unit = tryRead(record, liveUnits.read, this.#onInvalid)
        if (unit) live.push([record.id, unit])
      }
    }
    return { live, packed }
  }

  async totals(scope: string): Promise<ShardTotals> {
    return (await totalsRecords.get(this.#records, scope, TOTALS_ID)) ?? { arms: {}, live: 0, conflicts: 0 }
  }
}
