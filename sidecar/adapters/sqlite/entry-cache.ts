import { LRUCache } from 'lru-cache'
import type { Candidate, JsonObject, StoredRecord } from '../../ports/records.ts'
import { slicer } from '../common/slices.ts'
import type { PayloadRow } from './record-table.ts'
import type { EntryColumns } from './search/columns.ts'
import { termsFromBytes } from './search/terms.ts'

export type Entry = Omit<Candidate, 'similarity'> & { number: number }

/** Limit of all entries together, and of all payloads together. */
const MAX_BYTES = 24 * 2 ** 20
/** Size of an entry without its terms, measured for features of typical length. */
const OVERHEAD_BYTES = 1_500
/** Size of a parsed payload, and of what recall derives from it, per character of its JSON. */
const BYTES_PER_CHARACTER = 5

/**
 * Search entries and payloads by number of the entry, so that a recall reads only those that the process has not read
 * before. Every version of a memory has its own entry, which never changes.
 */
export class EntryCache {
  readonly #entries = new LRUCache<number, Entry>({ maxSize: MAX_BYTES, sizeCalculation: sizeOf })
  readonly #payloads = new LRUCache<number, JsonObject>({ maxSize: MAX_BYTES })

  /**
   * @param read reads entries from the file
   * @returns `undefined` if one of them was removed or replaced meanwhile
   */
  async entries(
    numbers: readonly number[],
    read: (missing: readonly number[]) => Promise<EntryColumns>,
  ): Promise<Entry[] | undefined> {
    const found = numbers.map((number) => this.#entries.get(number))
    const missing = numbers.filter((_, i) => !found[i])
    if (missing.length === 0) return found as Entry[]
    const added = toEntries(await read(missing))
    for (const [number, entry] of added) this.#entries.set(number, entry)
    if (missing.some((number) => !added.has(number))) return undefined
    return found.map((entry, i) => entry ?? (added.get(numbers[i] as number) as Entry))
  }

  /**
   * @param read reads records by id from the file
   * @returns records without their embeddings; those that were removed meanwhile may be left out
   */
  async records(
    entries: readonly Entry[],
    read: (missing: readonly string[]) => Promise<PayloadRow[]>,
  ): Promise<StoredRecord[]> {
    const known = entries.map(({ number }) => this.#payloads.get(number))
    const missing = entries.flatMap(({ id }, i) => (known[i] ? [] : [id]))
    const added = new Map<string, StoredRecord>()
    for (const [id, order, number, json] of missing.length > 0 ? await read(missing) : []) {
      const payload = JSON.parse(json) as JsonObject
      const entry = number === null ? undefined : this.#entries.get(number)
      added.set(id, { id, order, payload, search: entry?.search })
      if (number !== null) this.#payloads.set(number, payload, { size: BYTES_PER_CHARACTER * json.length })
    }
    return entries.flatMap(({ id, order, search }, i) => {
      const payload = known[i]
      return payload ? { id, order, payload, search } : (added.get(id) ?? [])
    })
  }
}

function sizeOf({ search }: Entry): number {
  const { terms, context, grams } = search
  return terms.byteLength + context.byteLength + grams.byteLength + OVERHEAD_BYTES
}

function toEntries(columns: EntryColumns): Map<number, Entry> {
  const take = slicer(columns.terms)
  const ids = JSON.parse(columns.ids) as string[]
  const orders = JSON.parse(columns.orders) as number[]
  const features = JSON.parse(columns.features) as JsonObject[]
  return new Map(
    columns.numbers.map((number, i) => {
      // A copy, because a view would keep the terms of all entries that were read with it.
      const hashes = termsFromBytes(take(columns.termBytes[i] as number).slice())
      const search = { ...hashes, features: features[i] as JsonObject }
      return [number, { number, id: ids[i] as string, order: orders[i] as number, search }]
    }),
  )
}
