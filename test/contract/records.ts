import { expect } from 'vitest'
import { scopeKey } from '../../sidecar/memory/model/scope.ts'
import {
  type Position,
  type RecordStore,
  type ScrollOptions,
  scrollAll,
  type Write,
} from '../../sidecar/ports/records.ts'
import type { Case } from './contract.ts'
import { put, type RecordsSubject, SCOPE } from './records-subject.ts'

export { put, type RecordsSubject, SCOPE } from './records-subject.ts'

const IN = 'memories'

function removal(id: string, scope = SCOPE): Write {
  return { remove: id, collection: IN, scope }
}

async function idsOf(store: RecordStore, scope = SCOPE, pageSize = 1000): Promise<string[]> {
  return (await Array.fromAsync(scrollAll(store, IN, scope, { limit: pageSize }))).map(({ id }) => id)
}

async function pagesOf(store: RecordStore, options: ScrollOptions): Promise<string[][]> {
  const pages: string[][] = []
  let after: Position | undefined
  for (;;) {
    const page = await store.scroll(IN, SCOPE, { ...options, after })
    pages.push(page.map(({ id }) => id))
    const last = page.at(-1)
    if (!last || page.length < options.limit || pages.length > 100) return pages
    after = { order: last.order, id: last.id }
  }
}

/** Scopes of which an adapter that matches patterns, folds case or trims would confuse some. */
const HOSTILE_SCOPES = [
  { namespace: 'a', userId: '' },
  { namespace: 'a', userId: '%' },
  { namespace: 'a', userId: '*' },
  { namespace: 'a', userId: '_' },
  { namespace: 'a', userId: 'b/c' },
  { namespace: 'a/b', userId: 'c' },
  { namespace: 'a', userId: 'B/c' },
  { namespace: 'a', userId: ' ' },
  { namespace: 'a', userId: 'é' },
  { namespace: 'a', userId: 'e\u0301' },
  { namespace: 'a', userId: '阿达' },
  { namespace: 'a', userId: "'; DROP TABLE records; --" },
].map(scopeKey)

export const RECORD_CASES: readonly Case<RecordsSubject>[] = [
  {
    name: 'returns nothing for unknown records',
    async run({ store }) {
      expect(await store.get(IN, SCOPE, 'x')).toBeUndefined()
      expect(await store.scroll(IN, SCOPE, { limit: 10 })).toEqual([])
    },
  },
  {
    name: 'reads committed records as soon as the commit resolves',
    async run({ store }) {
      const payload = {
        text: 'naïve 東京 \u0000 "quoted" \ud83d\ude00',
        n: -0.5,
        list: [1, null, { a: true }],
        '': '',
      }
      await store.commit([put('x', { order: 7, payload })])
      expect(await store.get(IN, SCOPE, 'x')).toEqual({ id: 'x', order: 7, payload, dense: undefined })
      expect(await idsOf(store)).toEqual(['x'])
    },
  },
  {
    name: 'applies the writes of a commit in the order given',
    async run({ store }) {
      await store.commit([
        put('x', { payload: { v: 1 } }),
        put('x', { payload: { v: 2 } }),
        put('y'),
        removal('y'),
        removal('z'),
        put('z'),
      ])
      expect((await store.get(IN, SCOPE, 'x'))?.payload).toEqual({ v: 2 })
      expect(await idsOf(store)).toEqual(['x', 'z'])
    },
  },
  {
    name: 'applies a commit completely or not at all',
    async run({ store }) {
      await store.commit([put('old')])
      const broken = put('broken', { payload: { text: 1n } as never })
      await expect(store.commit([removal('old'), put('new'), broken, put('later')])).rejects.toThrow()
      expect(await idsOf(store)).toEqual(['old'])
      await store.commit([put('next')])
      expect(await idsOf(store)).toEqual(['next', 'old'])
    },
  },
  {
    name: 'accepts a commit without writes',
    async run({ store }) {
      await store.commit([])
      expect(await idsOf(store)).toEqual([])
    },
  },
  {
    name: 'keeps committed records when it is reopened',
    async run({ store, reopen }) {
      const dense = new Float32Array([0.5, -0.25])
      await store.commit([put('a', { dense, order: 3 }), put('b'), put('c')])
      await store.commit([removal('b'), put('c', { payload: { text: 'newer' } })])
      const again = await reopen()
      expect(await again.get(IN, SCOPE, 'a')).toEqual({ id: 'a', order: 3, payload: { text: 'a' }, dense })
      expect(await again.get(IN, SCOPE, 'b')).toBeUndefined()
      expect((await again.get(IN, SCOPE, 'c'))?.payload).toEqual({ text: 'newer' })
    },
  },
  {
    name: 'replaces payload, embedding and order on a second put',
    async run({ store }) {
      await store.commit([
        put('x', { order: 1, payload: { a: 1 }, dense: new Float32Array([1, 0]) }),
        put('y', { order: 2 }),
      ])
      await store.commit([put('x', { order: 3, payload: { b: 2 }, dense: new Float32Array([0, 1]) })])
      expect(await store.get(IN, SCOPE, 'x')).toEqual({
        id: 'x',
        order: 3,
        payload: { b: 2 },
        dense: new Float32Array([0, 1]),
      })
      expect(await idsOf(store)).toEqual(['y', 'x'])
      await store.commit([put('x', { order: 3, payload: { b: 2 } })])
      expect((await store.get(IN, SCOPE, 'x'))?.dense).toBeUndefined()
    },
  },
  {
    name: 'removes records and ignores absent ones',
    async run({ store }) {
      await store.commit([put('x'), put('y')])
      await store.commit([removal('x'), removal('never')])
      expect(await store.get(IN, SCOPE, 'x')).toBeUndefined()
      expect(await idsOf(store)).toEqual(['y'])
    },
  },
  {
    name: 'keeps one id in two scopes and two collections apart',
    async run({ store }) {
      await store.commit([
        put('x', { payload: { of: 'ada' } }),
        put('x', { scope: 'default/bob', payload: { of: 'bob' } }),
        put('x', { collection: 'turns', payload: { of: 'turn' } }),
      ])
      await store.commit([removal('x', 'default/bob')])
      expect((await store.get(IN, SCOPE, 'x'))?.payload).toEqual({ of: 'ada' })
      expect(await store.get(IN, 'default/bob', 'x')).toBeUndefined()
      expect((await store.get('turns', SCOPE, 'x'))?.payload).toEqual({ of: 'turn' })
    },
  },
  {
    name: 'treats scopes as exact strings',
    async run({ store }) {
      await store.commit(HOSTILE_SCOPES.map((scope) => put(`of ${scope}`, { scope })))
      for (const scope of HOSTILE_SCOPES) expect(await idsOf(store, scope)).toEqual([`of ${scope}`])
      await store.commit([removal(`of ${HOSTILE_SCOPES[1]}`, HOSTILE_SCOPES[1])])
      for (const scope of HOSTILE_SCOPES.slice(2)) expect(await idsOf(store, scope)).toHaveLength(1)
    },
  },
  {
    name: 'scrolls by order and then id, in both directions',
    async run({ store }) {
      const orders = { e: 2, b: 2, d: 1, a: 10, f: 0, c: 9, g: Number.MAX_SAFE_INTEGER }
      await store.commit(Object.entries(orders).map(([id, order]) => put(id, { order })))
      const ascending = ['f', 'd', 'b', 'e', 'c', 'a', 'g']
      expect(await pagesOf(store, { limit: 10 })).toEqual([ascending])
      expect(await pagesOf(store, { limit: 10, direction: 'descending' })).toEqual([ascending.toReversed()])
    },
  },
  {
    name: 'returns each record on exactly one page, in both directions',
    async run({ store }) {
      const ids = Array.from({ length: 12 }, (_, i) => `r${String(i).padStart(2, '0')}`)
      // Three to an order, so that page ends fall between ties.
      await store.commit(ids.map((id, i) => put(id, { order: Math.floor(i / 3) })))
      for (const limit of [1, 2, 4, 5, 12, 13]) {
        expect((await pagesOf(store, { limit })).flat()).toEqual(ids)
        expect((await pagesOf(store, { limit, direction: 'descending' })).flat()).toEqual(ids.toReversed())
        expect(await idsOf(store, SCOPE, limit)).toEqual(ids)
      }
      expect((await store.scroll(IN, SCOPE, { limit: 4 })).map(({ id }) => id)).toEqual(ids.slice(0, 4))
    },
  },
  {
    name: 'continues after a position whose record was removed',
    async run({ store }) {
      await store.commit([put('a', { order: 1 }), put('b', { order: 2 }), put('c', { order: 3 })])
      await store.commit([removal('b')])
      const after = { order: 2, id: 'b' }
      expect((await store.scroll(IN, SCOPE, { limit: 5, after })).map(({ id }) => id)).toEqual(['c'])
      expect(
        (await store.scroll(IN, SCOPE, { limit: 5, after, direction: 'descending' })).map(({ id }) => id),
      ).toEqual(['a'])
    },
  },
  {
    name: 'visits existing records once during concurrent writes',
    async run({ store }) {
      const standing = Array.from({ length: 40 }, (_, i) => `s${String(i).padStart(2, '0')}`)
      await store.commit(standing.map((id, i) => put(id, { order: 10 * i })))
      const seen: string[] = []
      let n = 0
      for await (const { id } of scrollAll(store, IN, SCOPE, { limit: 3 })) {
        seen.push(id)
        n += 1
        // Before, at and after the place of the scroll; one of them replaces a standing record where it stands.
        await store.commit([
          put(`x${n}`, { order: 0 }),
          put(`y${n}`, { order: 10 * n + 5 }),
          put('s20', { order: 200, payload: { n } }),
        ])
        if (n > 200) break
      }
      expect(seen.filter((id) => id.startsWith('s'))).toEqual(standing)
      expect(new Set(seen).size).toBe(seen.length)
    },
  },
  {
    name: 'reads an embedding back bit by bit',
    async run({ store }) {
      const dense = new Float32Array([0, -0, 1e-45, 3.4e38, -1 / 3, 0.1, Number.MIN_VALUE])
      // A view into the middle of a larger buffer: only its own bytes are stored.
      const view = new Float32Array(new Float32Array([9, ...dense, 9]).buffer, 4, dense.length)
      await store.commit([put('x', { dense: view })])
      const read = (await store.get(IN, SCOPE, 'x'))?.dense
      const scrolled = (await store.scroll(IN, SCOPE, { limit: 1 }))[0]?.dense
      for (const vector of [read, scrolled]) {
        expect(vector).toBeInstanceOf(Float32Array)
        expect(new Uint32Array((vector as Float32Array).slice().buffer)).toEqual(
          new Uint32Array(dense.slice().buffer),
        )
      }
    },
  },
  {
    name: 'stores payloads of a megabyte',
    async run({ store }) {
      const text = 'åß🙂'.repeat(200_000)
      await store.commit([put('x', { payload: { text } })])
      expect((await store.get(IN, SCOPE, 'x'))?.payload['text'] === text).toBe(true)
    },
  },
  {
    name: 'keeps the last of many concurrent commits',
    async run({ store, reopen }) {
      const commits = Array.from({ length: 100 }, (_, i) =>
        store.commit([put('x', { payload: { i } }), put(`n${i}`, { order: i + 2 })]),
      )
      await Promise.all(commits)
      expect((await store.get(IN, SCOPE, 'x'))?.payload).toEqual({ i: 99 })
      const again = await reopen()
      expect((await again.get(IN, SCOPE, 'x'))?.payload).toEqual({ i: 99 })
      expect(await idsOf(again)).toHaveLength(101)
    },
  },
  {
    name: 'completes an active commit on close',
    async run({ store, reopen }) {
      const commit = store.commit([put('x')])
      const again = await reopen()
      await commit
      expect(await idsOf(again)).toEqual(['x'])
    },
  },
  {
    name: 'rejects every call after close, and closes once',
    async run({ store }) {
      await store.check()
      await store.close()
      await store.close()
      // The call itself must answer a promise: a store that throws instead slips past a caller's `.catch`.
      const refused = { code: 'backend_unavailable' }
      await expect(call(() => store.commit([put('x')]))).resolves.toMatchObject(refused)
      await expect(call(() => store.get(IN, SCOPE, 'x'))).resolves.toMatchObject(refused)
      await expect(call(() => store.scroll(IN, SCOPE, { limit: 1 }))).resolves.toMatchObject(refused)
      await expect(call(() => store.check())).resolves.toMatchObject(refused)
    },
  },
]

/** What a call rejects with; throwing before there is a promise is not rejecting. */
async function call(begin: () => Promise<unknown>): Promise<unknown> {
  let promise: Promise<unknown>
  try {
    promise = begin()
  } catch {
    return 'threw instead of rejecting'
  }
  return await promise.then(
    () => 'resolved',
    (error: unknown) => error,
  )
}
