import { expect, it, onTestFinished } from 'vitest'
import { SqliteClient } from '../../../../sidecar/adapters/sqlite/client.ts'
import { openSqliteRecords } from '../../../../sidecar/adapters/sqlite/records.ts'
import type { Write } from '../../../../sidecar/ports/records.ts'

const QUERY = { terms: new Map([[1, 1]]), limit: 10 }

function put(id: string, term: number, scope = 'a'): Write {
  const search = {
    terms: Uint32Array.of(term),
    context: new Uint32Array(),
    grams: new Uint16Array(),
    features: {},
  }
  return { collection: 'memories', scope, put: { id, order: 1, payload: { term }, search } }
}

function open() {
  const client = new SqliteClient()
  const calls: string[] = []
  /** Called before each read. */
  let before: (operation: string) => Promise<void> = async () => {}
  const counting = Object.assign(Object.create(client), {
    open(...args: Parameters<SqliteClient['open']>) {
      const file = client.open(...args)
      return {
        ...file,
        async read(signal: AbortSignal | undefined, operation: string, ...rest: unknown[]) {
          calls.push(operation)
          await before(operation)
          return await file.read(signal, operation, ...rest)
        },
      }
    },
  }) as SqliteClient
  const store = openSqliteRecords(':memory:', { client: counting })
  onTestFinished(async () => {
    await store.close()
    await client.worker.terminate()
  })
  const search = async (scope = 'a') => {
    const { candidates, read } = await store.search(scope, QUERY)
    const records = await read(candidates.map(({ id }) => id))
    return candidates.map(({ id, search }, i) => [id, search.terms[0], records[i]?.payload['term']])
  }
  const onCall = (callback: typeof before) => {
    before = callback
  }
  return { store, calls, search, onCall }
}

it('reads an entry and its payload once, and again after the record is replaced', async () => {
  const { store, calls, search } = open()
  await store.commit([put('x', 1), put('y', 2)])
  const first = await search()
  calls.length = 0
  expect(await search()).toEqual(first)
  expect(calls).toEqual(['search'])
  await store.commit([put('x', 3)])
  expect((await search()).sort()).toEqual([
    ['x', 3, 3],
    ['y', 2, 2],
  ])
})

it('does not mistake the entries of a new scope for those of an erased one', async () => {
  const { store, search } = open()
  await store.commit([put('x', 1)])
  await search()
  await store.commit([{ collection: 'memories', scope: 'a', remove: 'x' }])
  await store.commit([put('z', 5, 'b')])
  expect(await search('b')).toEqual([['z', 5, 5]])
})

it('finds a record that is replaced between the search and the reading of its entry', async () => {
  const { store, search, onCall } = open()
  await store.commit([put('x', 1)])
  let replaced = false
  onCall(async (operation) => {
    if (operation !== 'entries' || replaced) return
    replaced = true
    await store.commit([put('x', 4)])
  })
  expect(await search()).toEqual([['x', 4, 4]])
})
