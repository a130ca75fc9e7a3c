import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { QdrantRecordsOptions } from '../../../sidecar/adapters/qdrant/records.ts'
import type { RecordStore } from '../../../sidecar/ports/records.ts'
import { put } from '../../contract/records.ts'
import { BEFORE, CHANGE, journalOf, NEW, OLD, SCOPE, stateOf } from '../../helpers/fake-qdrant/crash-cases.ts'
import { type FakeQdrant, type FakeRequest, startFakeQdrant } from '../../helpers/fake-qdrant/server.ts'
import { openOn } from '../../helpers/fake-qdrant/subject.ts'

const ADAPTER = new URL('../../../sidecar/adapters/qdrant/records.ts', import.meta.url).href

/** One of several stores on a server, identified by its API key. Locks are never contended here. */
async function oneOfSeveral(
  server: FakeQdrant,
  apiKey: string,
  options: Partial<QdrantRecordsOptions> = {},
): Promise<Required<Pick<RecordStore, 'recover' | 'isFinished'>> & RecordStore> {
  const store = await openOn(server.url, { apiKey, runExclusive: (_scope, task) => task(), ...options })
  onTestFinished(() => store.close())
  return store as Awaited<ReturnType<typeof oneOfSeveral>>
}

const isWrite = ({ path }: FakeRequest) => path.endsWith('/points/batch')

/** Cuts all writes of the store with this key except the first, which is its journal entry. */
function cutAfterJournal(server: FakeQdrant, key: string): void {
  let isJournaled = false
  server.fault = (request) => {
    if (request.apiKey !== key || !isWrite(request)) return undefined
    if (isJournaled) return { cut: 'before' }
    isJournaled = true
    return undefined
  }
}

/** Runs a process that commits `CHANGE` and is killed before or after the server executes its n-th write. */
async function killedAt(server: FakeQdrant, n: number, moment: 'before' | 'after'): Promise<void> {
  const program = `
    const { openQdrantRecords } = await import(${JSON.stringify(ADAPTER)})
    const options = { url: ${JSON.stringify(server.url)}, prefix: 'p_', timeoutMs: 5000, apiKey: 'dying',
      embedder: { name: 'test', dimensions: 2 }, runExclusive: async () => {} }
    const store = await openQdrantRecords(options)
    const writes = ${JSON.stringify(CHANGE)}
    for (const { put } of writes) if (put?.dense) put.dense = new Float32Array(Object.values(put.dense))
    await store.commit(writes)
    await new Promise(() => setInterval(() => {}, 1000))
  `
  let writes = 0
  server.fault = (request) => {
    if (request.apiKey !== 'dying' || !isWrite(request)) return undefined
    writes += 1
    if (writes <= n) return undefined
    child.kill('SIGKILL')
    return { cut: writes === n + 1 ? moment : 'before' }
  }
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child, 'exit')
  server.fault = () => undefined
}

describe('the journal entry of a killed process', () => {
  it.each([
    [0, 'before', OLD],
    [0, 'after', NEW],
    [1, 'before', NEW],
    [1, 'after', NEW],
    [2, 'before', NEW],
    [2, 'after', NEW],
  ] as const)(
    '(killed at write %i, %s its execution) is carried out once, by the next holder of the scope',
    async (n, moment, state) => {
      await using server = await startFakeQdrant()
      const other = await oneOfSeveral(server, 'other', { runExclusive: async () => {} })
      await other.commit(BEFORE)
      await killedAt(server, n, moment)
      await other.recover(SCOPE)
      expect(await stateOf(other)).toBe(state)
      const newer = [put('kept', { payload: { text: 'newer' } }), put('t-kept', { collection: 'turns' })]
      await other.commit(newer)
      const after = await stateOf(other)
      expect(after).toContain('kept=newer')
      // Neither a second recovery nor a start repeats it.
      await other.recover(SCOPE)
      await (await openOn(server.url)).close()
      expect(await stateOf(other)).toBe(after)
      expect(journalOf(server)).toEqual([])
    },
    60_000,
  )

  it('is found by the periodic scan of another process, which locks the scope', async () => {
    await using server = await startFakeQdrant()
    const first = await oneOfSeveral(server, 'first')
    await first.commit(BEFORE)
    await killedAt(server, 1, 'before')
    const taken: string[] = []
    const runExclusive = async (scope: string, task: () => Promise<void>) => {
      taken.push(scope)
      await task()
    }
    const other = await oneOfSeveral(server, 'other', { runExclusive, graceMs: 100 })
    await vi.waitFor(() => expect(journalOf(server)).toEqual([]), { timeout: 15_000 })
    expect(await stateOf(other)).toBe(NEW)
    // The scan of the first store may have found it too.
    for (const scope of taken) expect(scope).toBe(SCOPE)
  })

  it('does not block the recovery of other scopes', async () => {
    await using server = await startFakeQdrant()
    const dying = await oneOfSeveral(server, 'dying')
    const other = await oneOfSeveral(server, 'other', { runExclusive: async () => {} })
    cutAfterJournal(server, 'dying')
    await Promise.all([dying.commit([put('x')]), dying.commit([put('y', { scope: 'default/bob' })])])
    expect([
      dying.isFinished(SCOPE),
      dying.isFinished('default/bob'),
      dying.isFinished('default/cyd'),
    ]).toEqual([false, false, true])
    await dying.close()
    await other.recover('default/bob')
    expect(await other.get('memories', 'default/bob', 'y')).toBeDefined()
    expect(await other.get('memories', SCOPE, 'x')).toBeUndefined()
    await other.recover(SCOPE)
    expect(await other.get('memories', SCOPE, 'x')).toBeDefined()
  })
})

describe('the journal entry of a slow process', () => {
  it('is left to that process during the grace period', async () => {
    await using server = await startFakeQdrant()
    const slow = await oneOfSeveral(server, 'slow', { runExclusive: async () => {} })
    const other = await oneOfSeveral(server, 'other', { runExclusive: async () => {}, graceMs: 3_600_000 })
    await slow.commit(BEFORE)
    cutAfterJournal(server, 'slow')
    await slow.commit(CHANGE)
    let isOver = false
    const recovering = other.recover(SCOPE).then(() => {
      isOver = true
    })
    await vi.waitFor(() =>
      expect(server.requests.filter(({ apiKey }) => apiKey === 'other').length).toBeGreaterThan(20),
    )
    expect(isOver).toBe(false)
    const first = server.requests.length
    server.fault = () => undefined
    await recovering
    expect(await stateOf(other)).toBe(NEW)
    const writers = server.requests.slice(first).filter(isWrite)
    expect(writers.every(({ apiKey }) => apiKey === 'slow')).toBe(true)
    await vi.waitFor(() => expect(slow.isFinished(SCOPE)).toBe(true), { timeout: 15_000 })
  })

  it('is not applied again over later writes, after another process carried it out', async () => {
    await using server = await startFakeQdrant()
    const grace = { timeoutMs: 2000, graceMs: 1, runExclusive: async () => {} }
    const zombie = await oneOfSeveral(server, 'zombie', grace)
    const other = await oneOfSeveral(server, 'other', grace)
    await zombie.commit(BEFORE)
    cutAfterJournal(server, 'zombie')
    await zombie.commit(CHANGE)
    await other.recover(SCOPE)
    expect(await stateOf(other)).toBe(NEW)
    await other.commit([
      put('kept', { payload: { text: 'newer' } }),
      { remove: 'new', collection: 'memories', scope: SCOPE },
    ])
    const state = await stateOf(other)
    server.fault = () => undefined
    await vi.waitFor(() => expect(zombie.isFinished(SCOPE)).toBe(true), { timeout: 30_000 })
    expect(await stateOf(zombie)).toBe(state)
    // A store removes its entry after its commit is acknowledged.
    await vi.waitFor(() => expect(journalOf(server)).toEqual([]), { timeout: 15_000 })
  })

  it('is carried out by a third process when the second one dies within the recovery', async () => {
    await using server = await startFakeQdrant()
    const grace = { timeoutMs: 2000, graceMs: 1, runExclusive: async () => {} }
    const zombie = await oneOfSeveral(server, 'zombie', grace)
    const dying = await oneOfSeveral(server, 'dying', grace)
    const other = await oneOfSeveral(server, 'other', grace)
    await zombie.commit(BEFORE)
    cutAfterJournal(server, 'zombie')
    await zombie.commit(CHANGE)
    const zombieIsCut = server.fault
    let marked = 0
    server.fault = (request) => {
      if (request.apiKey === 'dying' && isWrite(request)) {
        marked += 1
        if (marked > 1) return { cut: 'before' }
      }
      return zombieIsCut(request)
    }
    await expect(dying.recover(SCOPE)).rejects.toThrow(/qdrant at/)
    await other.recover(SCOPE)
    expect(await stateOf(other)).toBe(NEW)
    await other.commit([put('kept', { payload: { text: 'newer' } })])
    server.fault = () => undefined
    await vi.waitFor(() => expect(zombie.isFinished(SCOPE)).toBe(true), { timeout: 30_000 })
    expect(await stateOf(zombie)).toContain('kept=newer')
  })
})
