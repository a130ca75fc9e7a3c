import { describe, expect, it } from 'vitest'
import { openSqliteRecords } from '../../../../sidecar/adapters/sqlite/records.ts'
import { migrate } from '../../../../sidecar/cli/migration/migrate.ts'
import { assertMigrationComplete } from '../../../../sidecar/cli/migration/migration-state.ts'
import { toPayload } from '../../../../sidecar/memory/repositories/record.ts'
import { COLLECTIONS, type RecordStore, type Write } from '../../../../sidecar/ports/records.ts'
import { startFakeQdrant } from '../../../helpers/fake-qdrant/server.ts'
import { openOn } from '../../../helpers/fake-qdrant/subject.ts'
import { storedMemory } from '../../../helpers/memory.ts'

const quiet = () => {}

/** Records in every collection and several scopes; one scope has more records than one commit holds. */
function sampleWrites(): Write[] {
  const writes: Write[] = []
  for (const collection of COLLECTIONS) {
    for (const scope of ['default/ada', 'default/bob', 'other/']) {
      const count = collection === 'memories' && scope === 'default/bob' ? 1100 : 3
      for (let i = 0; i < count; i += 1) {
        const payload = toPayload(storedMemory({ id: `r${i}`, text: `naïve ${i} \ud800` }))
        const dense = collection === 'memories' ? new Float32Array([Math.cos(i), Math.sin(i)]) : undefined
        writes.push({ put: { id: `r${i}`, order: Math.floor(i / 2), payload, dense }, collection, scope })
      }
    }
  }
  return writes
}

async function openFilled(): Promise<RecordStore> {
  const store = openSqliteRecords(':memory:')
  await store.commit(sampleWrites())
  return store
}

describe('migrate', () => {
  it('copies every record once and verifies the copy', async () => {
    await using server = await startFakeQdrant()
    const [source, target] = [await openFilled(), await openOn(server.url)]
    const steps = new Set<string>()
    const options = { source, target, from: 'there', onProgress: (step: string) => steps.add(step) }
    const { wasComplete, counts } = await migrate(options)
    expect(wasComplete).toBe(false)
    expect([...steps]).toEqual(['copied', 'compared'])
    expect(counts['memories']).toEqual({ scopes: 3, records: 1106 })
    expect(Object.keys(counts)).toEqual([...COLLECTIONS])
    const found = await target.scroll('memories', 'default/bob', { limit: 2000 })
    const expected = await source.scroll('memories', 'default/bob', { limit: 2000 })
    expect(found).toEqual(expected)
    await assertMigrationComplete(target)
    const requests = server.requests.length
    expect((await migrate({ ...options, onProgress: quiet })).wasComplete).toBe(true)
    expect(server.requests.length - requests).toBe(1)
    // Back into an empty file.
    const file = openSqliteRecords(':memory:')
    expect((await migrate({ source: target, target: file, from: 'here', onProgress: quiet })).counts).toEqual(
      counts,
    )
    for (const store of [source, target, file]) await store.close()
  })

  it('continues at its checkpoint after a failure of any commit, and blocks the start of a sidecar until then', async () => {
    const source = await openFilled()
    let isFinished = false
    for (let nth = 2; !isFinished; nth += 1) {
      const target = openSqliteRecords(':memory:')
      let left = nth
      const failing: RecordStore = {
        ...target,
        async commit(writes) {
          left -= 1
          if (left === 0) throw new Error('broken')
          await target.commit(writes)
        },
      }
      const options = { source, from: 'there', onProgress: quiet }
      isFinished = await migrate({ ...options, target: failing }).then(
        () => true,
        () => false,
      )
      if (!isFinished) {
        await expect(assertMigrationComplete(target)).rejects.toThrow(
          /migration from there is incomplete. Run `npm run migrate`/,
        )
      }
      let copied = 0
      const onProgress = (step: string, records: number) => {
        if (step === 'copied') copied = records
      }
      await migrate({ ...options, target, onProgress })
      // At most one commit is copied twice.
      if (nth > 6) expect(copied).toBeLessThan(1200)
      await assertMigrationComplete(target)
      expect(await target.scroll('memories', 'default/bob', { limit: 2000 })).toHaveLength(1100)
      await target.close()
      expect(nth).toBeLessThan(30)
    }
    await source.close()
  })

  it('rejects a target that is not empty or was filled from another source', async () => {
    const [source, target] = [await openFilled(), openSqliteRecords(':memory:')]
    const write: Write = { put: { id: 'x', order: 0, payload: {} }, collection: 'ledger', scope: 'default/' }
    await target.commit([write])
    const options = { source, target, onProgress: quiet }
    await expect(migrate({ ...options, from: 'there' })).rejects.toThrow(
      /not empty \(it has ledger\); nothing was/,
    )
    await target.commit([{ remove: 'x', collection: 'ledger', scope: 'default/' }])
    const failing: RecordStore = { ...target }
    let commits = 0
    failing.commit = async (writes) => {
      commits += 1
      if (commits > 2) throw new Error('broken')
      await target.commit(writes)
    }
    await expect(migrate({ ...options, target: failing, from: 'there' })).rejects.toThrow('broken')
    await expect(migrate({ ...options, from: 'elsewhere' })).rejects.toThrow(
      'the target already contains a migration from there, not from elsewhere; nothing was copied',
    )
    for (const store of [source, target]) await store.close()
  })

  it.each<[string, (write: Write) => Write[]]>([
    ['is missing', ({ ...write }) => ('put' in write && write.put.id === 'r1' ? [] : [write])],
    [
      'has another payload',
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
      'is surplus',
      (write) =>
        'put' in write && write.put.id === 'r1'
          ? [write, { ...write, put: { ...write.put, id: 'r1a' } }]
          : [write],
    ],
  ])('fails if a record %s', async (_name, corrupt) => {
    const [source, honest] = [await openFilled(), openSqliteRecords(':memory:')]
    const target: RecordStore = {
      ...honest,
      commit: (writes) =>
        honest.commit(writes.flatMap((write) => (write.collection === 'meta' ? [write] : corrupt(write)))),
    }
    await expect(migrate({ source, target, from: 'there', onProgress: quiet })).rejects.toThrow(
      /differs from the source:\n {2}\w+ of \S+: expected \d+ records, got \d+/,
    )
    await expect(assertMigrationComplete(honest)).rejects.toThrow(/incomplete/)
    for (const store of [source, honest]) await store.close()
  })
})
