import { describe, expect, it } from 'vitest'
import { openSqliteRecords } from '../../sidecar/adapters/sqlite/records.ts'
import type {
  Collection,
  RecordStore,
  ScrollOptions,
  StoredRecord,
  Write,
} from '../../sidecar/ports/records.ts'
import { tempDir } from '../helpers/temp-dir.ts'
import { caseNamed, failedCases, type Open, tryCase } from './contract.ts'
import { RECORD_CASES, type RecordsSubject } from './records.ts'

type Sabotage = (honest: RecordStore) => Partial<RecordStore>

/** Each breaks one promise, as a careless adapter would, and names the case that must notice. */
const SABOTEURS: { name: string; caughtBy: string; sabotage: Sabotage }[] = [
  {
    name: 'loses deletes',
    caughtBy: 'removes what it is told to and takes removing the absent for done',
    sabotage: (honest) => ({ commit: (writes) => honest.commit(writes.filter((write) => 'put' in write)) }),
  },
  {
    name: 'lets the first write win',
    caughtBy: 'replaces payload, embedding and order on a second put',
    sabotage: (honest) => ({
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
  },
  {
    name: 'keeps the old order on a second put',
    caughtBy: 'replaces payload, embedding and order on a second put',
    sabotage: (honest) => ({
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
  {
    name: 'folds the case of scopes',
    caughtBy: 'takes every scope literally, whatever its characters mean elsewhere',
    sabotage: (honest) => inScope(honest, (scope) => scope.toLowerCase()),
  },
  {
    name: 'decodes scopes, so that a user id reaches over the separator',
    caughtBy: 'takes every scope literally, whatever its characters mean elsewhere',
    sabotage: (honest) => inScope(honest, decodeURIComponent),
  },
  {
    name: 'has one scope for all',
    caughtBy: 'keeps one id in two scopes and two collections apart',
    sabotage: (honest) => inScope(honest, () => 'everybody'),
  },
  {
    name: 'commits write by write',
    caughtBy: 'takes a commit whole or not at all',
    sabotage: (honest) => ({
      async commit(writes) {
        for (const write of writes) await honest.commit([write])
      },
    }),
  },
  {
    name: 'resolves a commit before it took effect',
    caughtBy: 'reads back what a commit put, as soon as it resolved',
    sabotage: (honest) => ({
      async commit(writes) {
        setImmediate(() => void honest.commit(writes).catch(() => {}))
      },
    }),
  },
  {
    name: 'applies the writes of a commit backwards',
    caughtBy: 'applies the writes of a commit in the order given',
    sabotage: (honest) => ({ commit: (writes) => honest.commit(writes.toReversed()) }),
  },
  {
    name: 'scrolls by id alone',
    caughtBy: 'scrolls by order, ties by id, from either end',
    sabotage: (honest) => ({
      commit: (writes) => honest.commit(writes.map((write) => ordered(write, () => 1))),
    }),
  },
  {
    name: 'sorts orders as text',
    caughtBy: 'scrolls by order, ties by id, from either end',
    sabotage: (honest) => rescrolled(honest, (a, b) => String(a.order).localeCompare(String(b.order))),
  },
  {
    name: 'breaks ties by chance of the direction',
    caughtBy: 'scrolls by order, ties by id, from either end',
    sabotage: (honest) =>
      rescrolled(honest, (a, b, sign) => sign * (a.order - b.order) || (a.id < b.id ? -1 : 1)),
  },
  {
    name: 'drops the record at a page boundary',
    caughtBy: 'shows each record on exactly one page, in both directions',
    sabotage: (honest) => ({
      async scroll(collection, scope, options) {
        const page = await honest.scroll(collection, scope, options)
        return options.after
          ? [...page.slice(1), ...(await following(honest, collection, scope, options, page))]
          : page
      },
    }),
  },
  {
    name: 'pages by order alone, so that ties over a page end are lost',
    caughtBy: 'shows each record on exactly one page, in both directions',
    sabotage: (honest) => ({
      scroll: (collection, scope, options) =>
        honest.scroll(collection, scope, {
          ...options,
          after: options.after && {
            ...options.after,
            id: options.direction === 'descending' ? '' : '\uffff',
          },
        }),
    }),
  },
  {
    name: 'ignores the limit',
    caughtBy: 'shows each record on exactly one page, in both directions',
    sabotage: (honest) => ({
      scroll: (collection, scope, options) => honest.scroll(collection, scope, { ...options, limit: 1000 }),
    }),
  },
  {
    name: 'ignores the direction',
    caughtBy: 'scrolls by order, ties by id, from either end',
    sabotage: (honest) => ({
      scroll: (collection, scope, { direction, ...options }) => honest.scroll(collection, scope, options),
    }),
  },
  {
    name: 'loses embeddings',
    caughtBy: 'gives an embedding back bit by bit',
    sabotage: (honest) => ({
      commit: (writes) => honest.commit(writes.map((write) => embedded(write, () => undefined))),
    }),
  },
  {
    name: 'keeps embeddings as text with six digits',
    caughtBy: 'gives an embedding back bit by bit',
    sabotage: (honest) => ({
      commit: (writes) =>
        honest.commit(
          writes.map((write) => embedded(write, (dense) => dense?.map((value) => Number(value.toFixed(6))))),
        ),
    }),
  },
  {
    name: 'forgets with the process',
    caughtBy: 'keeps what was committed when it is opened again',
    sabotage: () => ({}),
  },
  {
    name: 'loses the weights of terms',
    caughtBy: 'reads term weights back unchanged',
    sabotage: (honest) => ({
      commit: (writes) =>
        honest.commit(
          writes.map((write) =>
            'put' in write ? { ...write, put: { ...write.put, sparse: undefined } } : write,
          ),
        ),
    }),
  },
  {
    name: 'answers after close',
    caughtBy: 'rejects whatever is asked after close, and closes once',
    sabotage: () => ({ get: async () => undefined }),
  },
]

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

function openSabotaged(sabotage: Sabotage, durable: boolean): Open<RecordsSubject> {
  return async () => {
    const path = durable ? `${tempDir()}/records.db` : ':memory:'
    const stores: RecordStore[] = []
    const open = (): RecordStore => {
      const honest = openSqliteRecords(path)
      stores.push(honest)
      return { ...honest, ...sabotage(honest) }
    }
    const store = open()
    return {
      subject: {
        store,
        async reopen() {
          await store.close()
          return open()
        },
      },
      async close() {
        for (const one of stores) await one.close()
      },
    }
  }
}

describe('the contract of record stores notices an adapter that', () => {
  it.each(SABOTEURS)('$name', async ({ name, caughtBy, sabotage }) => {
    const open = openSabotaged(sabotage, name !== 'forgets with the process')
    await expect(tryCase(caseNamed(RECORD_CASES, caughtBy), open)).rejects.toThrow()
  })

  it('does nothing of the kind, without a complaint', async () => {
    expect(
      await failedCases(
        RECORD_CASES,
        openSabotaged(() => ({}), true),
      ),
    ).toEqual([])
  })
})
