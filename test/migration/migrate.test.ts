import { describe, expect, it } from 'vitest'
import { openSqliteRecords } from '../../sidecar/adapters/sqlite/records.ts'
import { migrate } from '../../sidecar/migration/migrate.ts'
import { assertWhole, COLLECTIONS } from '../../sidecar/migration/note.ts'
import type { RecordStore, Write } from '../../sidecar/ports/records.ts'
import { startFakeQdrant } from '../fake-qdrant/server.ts'
import { openOn } from '../fake-qdrant/subject.ts'

const quiet = () => {}

/** Something of every kind, in several scopes, and more of one of them than is written together. */
function everything(): Write[] {
  const writes: Write[] = []
  for (const collection of COLLECTIONS) {
    for (const scope of ['default/ada', 'default/bob', 'other/']) {
      const count = collection === 'memories' && scope === 'default/bob' ? 1100 : 3
      for (let i = 0; i < count; i += 1) {
        const payload = { id: `r${i}`, text: `naïve ${i} \ud800`, metadata: {}, sources: [], context: null }
        const dense = collection === 'memories' ? new Float32Array([Math.cos(i), Math.sin(i)]) : undefined
        writes.push({ put: { id: `r${i}`, order: Math.floor(i / 2), payload, dense }, collection, scope })
      }
    }
  }
  return writes
}

async function filled(): Promise<RecordStore> {
  const store = openSqliteRecords(':memory:')
  await store.commit(everything())
  return store
}

describe('bringing everything over', () => {
  it('copies every record of every kind, once, and finds it the same', async () => {
    await using server = await startFakeQdrant()
    const [source, target] = [await filled(), await openOn(server.url)]
    const steps = new Set<string>()
    const options = { source, target, from: 'there', onProgress: (step: string) => steps.add(step) }
    const { already, counts } = await migrate(options)
    expect(already).toBe(false)
    expect([...steps]).toEqual(['copied', 'compared'])
    expect(counts['memories']).toEqual({ scopes: 3, records: 1106 })
    expect(Object.keys(counts)).toEqual([...COLLECTIONS])
    const found = await target.scroll('memories', 'default/bob', { limit: 2000 })
    const expected = await source.scroll('memories', 'default/bob', { limit: 2000 })
    expect(found.map(({ sparse, ...record }) => record)).toEqual(
      expected.map(({ sparse, ...record }) => record),
    )
    // An earlier version stored no term weights: the migration adds them.
    expect(found[7]?.sparse?.indices.length).toBeGreaterThan(0)
    await assertWhole(target)
    const requests = server.requests.length
    expect((await migrate({ ...options, onProgress: quiet })).already).toBe(true)
    expect(server.requests.length - requests).toBe(1)
    // And back, into an empty file.
    const file = openSqliteRecords(':memory:')
    expect((await migrate({ source: target, target: file, from: 'here', onProgress: quiet })).counts).toEqual(
      counts,
    )
    for (const store of [source, target, file]) await store.close()
  }, 60_000)

  it('goes on where it was when it broke off at any commit, and no sidecar starts before', async () => {
    const source = await filled()
    let finished = false
    for (let nth = 2; !finished; nth += 1) {
      const target = openSqliteRecords(':memory:')
      let left = nth
      const breaking: RecordStore = {
        ...target,
        async commit(writes) {
          left -= 1
          if (left === 0) throw new Error('broken')
          await target.commit(writes)
        },
      }
      const options = { source, from: 'there', onProgress: quiet }
      finished = await migrate({ ...options, target: breaking }).then(
        () => true,
        () => false,
      )
      if (!finished) {
        await expect(assertWhole(target)).rejects.toThrow(
          /from there was begun and is not done. Run `npm run migrate`/,
        )
      }
      let copied = 0
      const onProgress = (step: string, records: number) => {
        if (step === 'copied') copied = records
      }
      await migrate({ ...options, target, onProgress })
      // Not from the beginning: what was written together is all that is copied twice.
      if (nth > 6) expect(copied).toBeLessThan(1200)
      await assertWhole(target)
      expect(await target.scroll('memories', 'default/bob', { limit: 2000 })).toHaveLength(1100)
      await target.close()
      expect(nth).toBeLessThan(30)
    }
    await source.close()
  }, 60_000)

  it('does not mix with what is there, nor with what comes from elsewhere', async () => {
    const [source, target] = [await filled(), openSqliteRecords(':memory:')]
    const write: Write = { put: { id: 'x', order: 0, payload: {} }, collection: 'ledger', scope: 'default/' }
    await target.commit([write])
    const options = { source, target, onProgress: quiet }
    await expect(migrate({ ...options, from: 'there' })).rejects.toThrow(
      /not empty \(it has ledger\); nothing was/,
    )
    await target.commit([{ remove: 'x', collection: 'ledger', scope: 'default/' }])
    const late: RecordStore = { ...target }
    let commits = 0
    late.commit = async (writes) => {
      commits += 1
      if (commits > 2) throw new Error('broken')
      await target.commit(writes)
    }
    await expect(migrate({ ...options, target: late, from: 'there' })).rejects.toThrow('broken')
    await expect(migrate({ ...options, from: 'elsewhere' })).rejects.toThrow(
      'the target is filled from there, and this is elsewhere; nothing was copied',
    )
    for (const store of [source, target]) await store.close()
  })

  it.each<[string, (write: Write) => Write[]]>([
    ['is missing', ({ ...write }) => ('put' in write && write.put.id === 'r1' ? [] : [write])],
    [
      'is another',
      (write) =>
        'put' in write && write.put.id === 'r1'
          ? [{ ...write, put: { ...write.put, payload: { a: 1 } } }]
          : [write],
    ],
    [
      'has another embedding',
      (write) =>
        'put' in write && write.put.dense
          ? [{ ...write, put: { ...write.put, dense: new Float32Array([1, 0]) } }]
          : [write],
    ],
    [
      'is too much',
      (write) =>
        'put' in write && write.put.id === 'r1'
          ? [write, { ...write, put: { ...write.put, id: 'r1a' } }]
          : [write],
    ],
  ])('notices that something %s', async (_name, meddle) => {
    const [source, honest] = [await filled(), openSqliteRecords(':memory:')]
    const target: RecordStore = {
      ...honest,
      commit: (writes) =>
        honest.commit(writes.flatMap((write) => (write.collection === 'meta' ? [write] : meddle(write)))),
    }
    await expect(migrate({ source, target, from: 'there', onProgress: quiet })).rejects.toThrow(
      /not the same as the source:\n {2}\w+ of \S+: expected \d+ records, found \d+/,
    )
    await expect(assertWhole(honest)).rejects.toThrow(/not done/)
    for (const store of [source, honest]) await store.close()
  })
})
