import { isDeepStrictEqual } from 'node:util'
import type { Embedder } from '../ports/embedder.ts'
import {
  type Collection,
  type RecordStore,
  type StoredRecord,
  scrollAll,
  type Write,
} from '../ports/records.ts'
import { EMBEDDED, type EmbedderName, readNote, textOf, writeNote } from './embedder-guard.ts'
import { completed } from './stored-memory.ts'

export interface MoveOptions {
  /** Opened with the embedder in use. */
  source: RecordStore
  /** The same store, opened with the one that is to be used. */
  target: RecordStore
  /** Whose vectors those in use are, and whose they are to be. */
  from: EmbedderName
  embedder: Embedder
  /** Scopes and records that were looked at, and those of them that had to be embedded. */
  onProgress: (scopes: number, records: number, embedded: number) => void
}

const PAGE = 64
/** A pass that finds nothing to do ends it; more than these means that somebody is writing. */
const MAX_PASSES = 4

/**
 * Embeds every memory and past version anew, beside the ones in use, which are read and left as they are. At the end
 * the new ones become the ones in use, at once. What the target has from an earlier time is kept where it still says
 * the same, so that this can be interrupted and run again, and that going back to the embedder before costs only what
 * was written since.
 * @throws {Error} where somebody writes at the same time
 */
export async function moveEmbeddings(options: MoveOptions): Promise<number> {
  const { target, from, embedder } = options
  let embedded = 0
  for (let pass = 1; ; pass += 1) {
    const { changed, ...counts } = await passOver(options, embedded)
    embedded = counts.embedded
    if (changed === 0) break
    if (pass === MAX_PASSES) {
      throw new Error(
        'The memories are being changed by a sidecar. Stop every sidecar, and run `npm run reembed` again',
      )
    }
  }
  await target.generations?.adopt()
  const { name, dimensions } = embedder
  await writeNote(target, { name, dimensions, previous: { name: from.name, dimensions: from.dimensions } })
  return embedded
}

/** Adds to memories that were stored by an earlier version what a search finds them by. Answers how many there were. */
export async function completeMemories(store: RecordStore): Promise<number> {
  let added = 0
  for await (const scope of scopesOf(store, 'memories')) {
    let writes: Write[] = []
    const flush = async () => {
      if (writes.length > 0) await store.commit(writes)
      added += writes.length
      writes = []
    }
    for await (const record of scrollAll(store, 'memories', scope)) {
      if (record.sparse) continue
      writes.push({ put: completed('memories', record), collection: 'memories', scope })
      if (writes.length === PAGE) await flush()
    }
    await flush()
  }
  return added
}

/**
 * The embedder before the one in use, as one that cannot embed: good for going back as long as nothing was written
 * since.
 */
export function embedderBefore({ name, dimensions }: EmbedderName): Embedder {
  return {
    name,
    dimensions,
    async embed() {
      throw new Error(
        `There are memories that were written since: they have to be embedded with ${name}. Set it again (EMBEDDING_MODEL), and run \`npm run reembed\``,
      )
    },
  }
}

/** What the store was embedded with before, as far as it knows. */
export async function previousEmbedder(store: RecordStore): Promise<EmbedderName | undefined> {
  return (await readNote(store))?.previous
}

async function passOver(
  { source, target, embedder, onProgress }: MoveOptions,
  already: number,
): Promise<{ changed: number; embedded: number }> {
  let [scopes, records, changed, embedded] = [0, 0, 0, already]
  for (const collection of EMBEDDED) {
    const places = new Set<string>()
    for await (const scope of scopesOf(source, collection)) places.add(scope)
    for await (const scope of scopesOf(target, collection)) places.add(scope)
    for (const scope of places) {
      for await (const step of stepsOf(source, target, collection, scope)) {
        const writes = await writesOf(step, embedder, collection, scope)
        if (writes.length > 0) await target.commit(writes)
        records += step.seen
        changed += writes.length
        embedded += step.missing.filter(({ dense }) => dense).length
        onProgress(scopes, records, embedded)
      }
      scopes += collection === EMBEDDED[0] ? 1 : 0
      onProgress(scopes, records, embedded)
    }
  }
  return { changed, embedded }
}

interface Step {
  /** Records of the source that were looked at. */
  seen: number
  /** Those of them that the target has not, or otherwise. */
  missing: StoredRecord[]
  /** Ids of what the target has and the source has not. */
  surplus: string[]
}

/** What the target lacks of a scope, and has too much, piece by piece: both are read in the same order, side by side. */
async function* stepsOf(
  source: RecordStore,
  target: RecordStore,
  collection: Collection,
  scope: string,
): AsyncGenerator<Step> {
  const wanted = scrollAll(source, collection, scope)
  const there = scrollAll(target, collection, scope)
  const next = async (from: AsyncGenerator<StoredRecord>) =>
    (await from.next()).value as StoredRecord | undefined
  let step: Step = { seen: 0, missing: [], surplus: [] }
  let [one, other] = [await next(wanted), await next(there)]
  while (one || other) {
    const order = compare(one, other)
    if (order <= 0 && one) {
      step.seen += 1
      if (order < 0 || !saysTheSame(one, other)) step.missing.push(one)
    } else if (other) step.surplus.push(other.id)
    if (order <= 0) one = await next(wanted)
    if (order >= 0) other = await next(there)
    if (step.missing.length + step.surplus.length >= PAGE) {
      yield step
      step = { seen: 0, missing: [], surplus: [] }
    }
  }
  yield step
}

/** Below 0: the first stands before the second, in the order of a scroll; nothing stands after everything. */
function compare(one: StoredRecord | undefined, other: StoredRecord | undefined): number {
  if (!one || !other) return one ? -1 : 1
  return one.order - other.order || (one.id < other.id ? -1 : +(one.id > other.id))
}

function saysTheSame(one: StoredRecord, other: StoredRecord | undefined): boolean {
  return (
    other !== undefined &&
    (one.dense === undefined) === (other.dense === undefined) &&
    isDeepStrictEqual(one.payload, other.payload)
  )
}

async function writesOf(
  { missing, surplus }: Step,
  embedder: Embedder,
  collection: Collection,
  scope: string,
): Promise<Write[]> {
  // The mark that a memory has ended is never searched.
  const embeddable = missing.filter(({ dense }) => dense)
  const vectors = new Map<StoredRecord, Float32Array | undefined>()
  if (embeddable.length > 0) {
    const texts = embeddable.map(textOf)
    const dense = await embedder.embed(texts, 'document', undefined, { scope })
    for (const [i, record] of embeddable.entries()) vectors.set(record, dense[i])
  }
  return [
    // First: what has another order now is both too much and missing.
    ...surplus.map((id) => ({ remove: id, collection, scope })),
    ...missing.map((record) => ({
      put: completed(collection, { ...record, dense: vectors.get(record) }),
      collection,
      scope,
    })),
  ]
}

async function* scopesOf(store: RecordStore, collection: Collection): AsyncGenerator<string> {
  let after = ''
  for (;;) {
    const page = await store.scopes(collection, { after, limit: 1000 })
    yield* page
    if (page.length < 1000) return
    after = page.at(-1) as string
  }
}
