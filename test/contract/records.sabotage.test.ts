import type {
  Collection,
  RecordStore,
  ScrollOptions,
  StoredRecord,
  Write,
} from '../../sidecar/ports/records.ts'
import { type Saboteurs, testSaboteurs } from './contract.ts'
import { RECORD_CASES } from './records.ts'
import { openSabotagedRecords, type Sabotage } from './sabotaged-records.ts'

const SABOTEURS: Saboteurs<Sabotage> = {
  'removes records and ignores absent ones': {
    'loses deletes': (honest) => ({
      commit: (writes) => honest.commit(writes.filter((write) => 'put' in write)),
    }),
  },
  'replaces payload, embedding and order on a second put': {
    'lets the first write win': (honest) => ({
      async commit(writes) {
        const fresh = await Promise.all(
          writes.map(
            async (write) =>
              'remove' in write || !(await honest.get(write.collection, write.scope, write.put.id)),
          ),
        )
        await honest.commit(writes.filter((_, i) => fresh[i]))
      },
    }),
    'keeps the old order on a second put': (honest) => ({
      async commit(writes) {
        await honest.commit(
          await Promise.all(
            writes.map(async (write) => {
              if ('remove' in write) return write
              const known = await honest.get(write.collection, write.scope, write.put.id)
              return known ? { ...write, put: { ...write.put, order: known.order } } : write
            }),
          ),
        )
      },
    }),
  },
  'treats scopes as exact strings': {
    'folds the case of scopes': (honest) => inScope(honest, (scope) => scope.toLowerCase()),
    'decodes scopes, so that a user id reaches over the separator': (honest) =>
      inScope(honest, decodeURIComponent),
  },
  'keeps one id in two scopes and two collections apart': {
    'has one scope for all': (honest) => inScope(honest, () => 'everybody'),
  },
  'applies a commit completely or not at all': {
    'commits write by write': (honest) => ({
      async commit(writes) {
        for (const write of writes) await honest.commit([write])
      },
    }),
  },
  'reads committed records as soon as the commit resolves': {
    'resolves a commit before it took effect': (honest) => ({
      async commit(writes) {
        setImmediate(() => void honest.commit(writes).catch(() => {}))
      },
    }),
  },
  'applies the writes of a commit in the order given': {
    'applies the writes of a commit backwards': (honest) => ({
      commit: (writes) => honest.commit(writes.toReversed()),
    }),
  },
  'scrolls by order and then id, in both directions': {
    'scrolls by id alone': (honest) => ({
      commit: (writes) => honest.commit(writes.map((write) => ordered(write, () => 1))),
    }),
    'sorts orders as text': (honest) =>
      rescrolled(honest, (a, b) => String(a.order).localeCompare(String(b.order))),
    'breaks ties by chance of the direction': (honest) =>
      rescrolled(honest, (a, b, sign) => sign * (a.order - b.order) || (a.id < b.id ? -1 : 1)),
    'ignores the direction': (honest) => ({
      scroll: (collection, scope, { direction, ...options }) => honest.scroll(collection, scope, options),
    }),
  },
  'returns each record on exactly one page, in both directions': {
    'drops the record at a page boundary': (honest) => ({
      async scroll(collection, scope, options) {
        const page = await honest.scroll(collection, scope, options)
        return options.after
          ? [...page.slice(1), ...(await following(honest, collection, scope, options, page))]
          : page
      },
    }),
    'pages by order alone, so that ties over a page end are lost': (honest) => ({
      scroll: (collection, scope, options) =>
        honest.scroll(collection, scope, {
          ...options,
          after: options.after && {
            ...options.after,
            id: options.direction === 'descending' ? '' : '\uffff',
          },
        }),
    }),
    'ignores the limit': (honest) => ({
      scroll: (collection, scope, options) => honest.scroll(collection, scope, { ...options, limit: 1000 }),
    }),
  },
  'reads an embedding back bit by bit': {
    'loses embeddings': (honest) => ({
      commit: (writes) => honest.commit(writes.map((write) => embedded(write, () => undefined))),
    }),
    'keeps embeddings as text with six digits': (honest) => ({
      commit: (writes) =>
        honest.commit(
          writes.map((write) => embedded(write, (dense) => dense?.map((value) => Number(value.toFixed(6))))),
        ),
    }),
  },
  'keeps committed records when it is reopened': {
    'forgets with the process': () => ({}),
  },
  'rejects every call after close, and closes once': {
    'answers after close': () => ({ get: async () => undefined }),
  },
}

function inScope(honest: RecordStore, map: (scope: string) => string): Partial<RecordStore> {
  return {
    commit: (writes) => honest.commit(writes.map((write) => ({ ...write, scope: map(write.scope) }))),
    get: (collection, scope, id) => honest.get(collection, map(scope), id),
    scroll: (collection, scope, options) => honest.scroll(collection, map(scope), options),
  }
}

function rescrolled(
  honest: RecordStore,
  compare: (a: StoredRecord, b: StoredRecord, sign: 1 | -1) => number,
): Partial<RecordStore> {
  return {
    async scroll(collection, scope, options) {
      const page = await honest.scroll(collection, scope, options)
      const sign = options.direction === 'descending' ? -1 : 1
      return page.sort((a, b) => compare(a, b, sign))
    },
  }
}

async function following(
  honest: RecordStore,
  collection: Collection,
  scope: string,
  options: ScrollOptions,
  page: readonly StoredRecord[],
): Promise<StoredRecord[]> {
  const last = page.at(-1)
  return last ? await honest.scroll(collection, scope, { ...options, after: last, limit: 1 }) : []
}

function ordered(write: Write, map: (order: number) => number): Write {
  return 'put' in write ? { ...write, put: { ...write.put, order: map(write.put.order) } } : write
}

function embedded(write: Write, map: (dense: Float32Array | undefined) => Float32Array | undefined): Write {
  return 'put' in write ? { ...write, put: { ...write.put, dense: map(write.put.dense) } } : write
}

testSaboteurs('record stores', RECORD_CASES, SABOTEURS, (sabotage, fault) =>
  openSabotagedRecords(sabotage, fault === 'forgets with the process' ? () => ':memory:' : undefined),
)
