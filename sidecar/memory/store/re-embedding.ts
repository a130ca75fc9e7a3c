import { isDeepStrictEqual } from 'node:util'
import type { Embedder } from '../../ports/embedder.ts'
import {
  type Collection,
  type RecordStore,
  type StoredRecord,
  scopesOf,
  scrollAll,
  type Write,
} from '../../ports/records.ts'
import { EMBEDDED, type EmbedderName, saveEmbedderNote } from '../repositories/meta.ts'
import { type EmbeddedCollection, embedRecords, noteOfMissing } from './embedder-guard.ts'

export interface MoveOptions {
  /** Opened with the embedder in use. */
  source: RecordStore
  /** The same store, opened with the new embedder. */
  target: RecordStore
  from: EmbedderName
  embedder: Embedder
  /** Scopes and records read so far, and how many of the records had to be embedded. */
  onProgress: (scopes: number, records: number, embedded: number) => void
}

const PAGE = 64
/** A pass without changes is the last; more passes than this mean that a sidecar is writing. */
const MAX_PASSES = 4

/**
 * Re-embeds every memory and past version beside the vectors in use, and then switches to the new vectors at once.
 * Vectors of an earlier run are kept where the record is unchanged, so an interrupted run continues and a rollback to
 * the previous embedder costs only what was written since.
 * @throws {Error} where a sidecar writes at the same time
 */
export async function moveEmbeddings(options: MoveOptions): Promise<number> {
  const { target, from, embedder } = options
  let embedded = 0
  for (let pass = 1; ; pass += 1) {
    const { changed, ...counts } = await runPass(options, embedded)
    embedded = counts.embedded
    if (changed === 0) break
    if (pass === MAX_PASSES) {
      throw new Error(
        'The memories changed during the run: a sidecar is still writing. Stop every sidecar and run `npm run reembed` again',
      )
    }
  }
  await target.generations?.adopt()
  const { name, dimensions } = embedder
  await saveEmbedderNote(target, {
    name,
    dimensions,
    previous: { name: from.name, dimensions: from.dimensions },
  })
  return embedded
}

/** Stands for the previous embedder in a rollback, which works as long as nothing has to be embedded. */
export function embedderBefore({ name, dimensions }: EmbedderName): Embedder {
  return {
    name,
    dimensions,
    async embed() {
      throw new Error(
        `Some memories are newer than the vectors of ${name} and must be embedded with it. Set EMBEDDING_MODEL to ${name} and run \`npm run reembed\``,
      )
    },
  }
}

async function runPass(
  { source, target, embedder, onProgress }: MoveOptions,
  already: number,
): Promise<{ changed: number; embedded: number }> {
  let [scopes, records, changed, embedded] = [0, 0, 0, already]
  for (const collection of EMBEDDED) {
    const all = new Set<string>()
    for await (const scope of scopesOf(source, collection)) all.add(scope)
    for await (const scope of scopesOf(target, collection)) all.add(scope)
    for (const scope of all) {
      for await (const difference of compareScope(source, target, collection, scope)) {
        const writes = await writesOf(difference, embedder, collection, scope)
        if (writes.length > 0) await target.commit(writes)
        records += difference.read
        changed += writes.length
        embedded += difference.missing.filter(({ dense }) => dense).length
        onProgress(scopes, records, embedded)
      }
      scopes += collection === EMBEDDED[0] ? 1 : 0
      onProgress(scopes, records, embedded)
    }
  }
  return { changed, embedded }
}

interface Difference {
  /** Number of source records that were read. */
  read: number
  /** Source records that the target lacks or has with another payload. */
  missing: StoredRecord[]
  /** Target records with the search entry of the source, which was another one. */
  outdated: StoredRecord[]
  /** Ids of target records that the source lacks. */
  surplus: string[]
}

/** Merges the scrolls of source and target, which have the same order, and answers their differences page by page. */
async function* compareScope(
  source: RecordStore,
  target: RecordStore,
  collection: Collection,
  scope: string,
): AsyncGenerator<Difference> {
  const inSource = scrollAll(source, collection, scope)
  const inTarget = scrollAll(target, collection, scope)
  const next = async (from: AsyncGenerator<StoredRecord>) =>
    (await from.next()).value as StoredRecord | undefined
  const empty = (): Difference => ({ read: 0, missing: [], outdated: [], surplus: [] })
  let page = empty()
  let [one, other] = [await next(inSource), await next(inTarget)]
  while (one || other) {
    const order = comparePositions(one, other)
    if (order <= 0 && one) {
      page.read += 1
      if (order < 0 || !isSameRecord(one, other)) page.missing.push(one)
      else if (other && !isDeepStrictEqual(one.search, other.search)) {
        page.outdated.push({ ...other, search: one.search })
      }
    } else if (other) page.surplus.push(other.id)
    if (order <= 0) one = await next(inSource)
    if (order >= 0) other = await next(inTarget)
    if (page.missing.length + page.outdated.length + page.surplus.length >= PAGE) {
      yield page
      page = empty()
    }
  }
  yield page
}

/** Negative: the first has the lower position. The end of a scroll is above every record. */
function comparePositions(one: StoredRecord | undefined, other: StoredRecord | undefined): number {
  if (!one || !other) return one ? -1 : 1
  return one.order - other.order || (one.id < other.id ? -1 : +(one.id > other.id))
}

function isSameRecord(one: StoredRecord, other: StoredRecord | undefined): boolean {
  return (
    other !== undefined &&
    (one.dense === undefined) === (other.dense === undefined) &&
    isDeepStrictEqual(one.payload, other.payload)
  )
}

async function writesOf(
  { missing, outdated, surplus }: Difference,
  embedder: Embedder,
  collection: EmbeddedCollection,
  scope: string,
): Promise<Write[]> {
  const embedded = await embedRecords(missing, embedder, collection, scope)
  return [
    // Removals first: a record whose order changed is both surplus and missing.
    ...surplus.map((id) => ({ remove: id, collection, scope })),
    ...[...embedded, ...outdated].map((put) => ({ put, collection, scope })),
    ...noteOfMissing(embedded, scope),
  ]
}
