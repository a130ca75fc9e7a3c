import { expect, vi } from 'vitest'
import type { RecordStore, Write } from '../../../sidecar/ports/records.ts'
import type { Case } from '../../contract/contract.ts'
import { put } from '../../contract/records.ts'
import { type FakeQdrant, type Fault, startFakeQdrant } from './server.ts'
import { type Opener, openOn } from './subject.ts'

export const SCOPE = 'default/ada'
const DENSE = new Float32Array([1, 0])

/** A change over both kinds of collections, with puts, replacements and removals in each. */
export const CHANGE: Write[] = [
  put('new', { dense: DENSE }),
  put('kept', { payload: { text: 'new' } }),
  { remove: 'old', collection: 'memories', scope: SCOPE },
  put('t-new', { collection: 'turns' }),
  put('t-kept', { collection: 'turns', payload: { text: 'new' } }),
  { remove: 't-old', collection: 'turns', scope: SCOPE },
]

export const BEFORE: Write[] = [
  put('kept', { payload: { text: 'old' }, dense: DENSE }),
  put('old'),
  put('t-kept', { collection: 'turns', payload: { text: 'old' } }),
  put('t-old', { collection: 'turns' }),
]

export async function stateOf(store: RecordStore): Promise<string> {
  const seen: string[] = []
  for (const collection of ['memories', 'turns'] as const) {
    for (const { id, payload } of await store.scroll(collection, SCOPE, { limit: 10 })) {
      seen.push(`${id}=${payload['text']}`)
    }
  }
  return seen.join(' ')
}

export const OLD = 'kept=old old=old t-kept=old t-old=t-old'
export const NEW = 'kept=new new=new t-kept=new t-new=t-new'

/** Cuts the n-th request from now on and all later ones. The result returns whether the n-th one was sent. */
export function dieAt(server: FakeQdrant, n: number, cut: 'before' | 'half' | 'after'): () => boolean {
  const first = server.requests.length
  let died = false
  server.fault = (): Fault | undefined => {
    const index = server.requests.length - 1 - first
    if (index < n) return undefined
    died = true
    return index === n ? { cut } : { cut: 'before' }
  }
  return () => died
}

const MOMENTS = ['before', 'half', 'after'] as const

/** Guarantees of the Qdrant store beyond the port, for servers and connections that fail. */
export const CRASH_CASES: readonly Case<Opener>[] = [
  ...MOMENTS.map((cut) => ({
    name: `applies a commit completely or not at all when a request is cut ${cut} execution`,
    async run(opener: Opener) {
      const outcomes: string[] = []
      for (let n = 0; ; n += 1) {
        await using server = await startFakeQdrant()
        const store = await openOn(server.url, {}, opener)
        await store.commit(BEFORE)
        const died = dieAt(server, n, cut)
        const outcome = await store.commit(CHANGE).then(
          () => 'committed',
          () => 'rejected',
        )
        await store.close()
        if (!died()) {
          expect(outcome).toBe('committed')
          break
        }
        server.fault = () => undefined
        const again = await openOn(server.url, {}, opener)
        const state = await stateOf(again)
        expect([OLD, NEW]).toContain(state)
        if (outcome === 'committed') expect(state).toBe(NEW)
        outcomes.push(`${outcome} ${state === NEW ? 'new' : 'old'}`)
        // The store works normally again.
        await again.commit([put('next')])
        expect(await again.get('memories', SCOPE, 'next')).toBeDefined()
        await again.close()
        expect(journalOf(server)).toEqual([])
        await (await openOn(server.url, {}, opener)).close()
      }
      // Requests: the journal entry; the memories and the documents; on close, the deletion of the entry.
      expect(outcomes).toEqual([
        cut === 'before' || cut === 'half' ? 'rejected old' : 'rejected new',
        'committed new',
        'committed new',
        'committed new',
      ])
    },
  })),
  {
    name: 'carries out a commit when the server is back, and hides it from reads until then',
    async run(opener) {
      await using server = await startFakeQdrant()
      const store = await openOn(server.url, { timeoutMs: 2000 }, opener)
      await store.commit(BEFORE)
      dieAt(server, 1, 'half')
      await store.commit(CHANGE)
      server.fault = ({ path }) => (path.endsWith('/batch') ? { status: 503 } : undefined)
      const unavailable = { code: 'backend_unavailable', message: expect.stringMatching(/earlier write/) }
      const reads = [store.get('memories', SCOPE, 'kept'), store.scopes('turns', { limit: 1 })]
      const answers = await Promise.all(reads.map((read) => read.catch((error: unknown) => error)))
      for (const answer of answers) expect(answer).toMatchObject(unavailable)
      expect(await store.get('memories', 'default/bob', 'x')).toBeUndefined()
      server.fault = () => undefined
      const seen: string[] = []
      await vi.waitFor(async () => seen.push(await stateOf(store)), { timeout: 10_000 })
      expect(seen).toEqual([NEW])
      await store.close()
      expect(journalOf(server)).toEqual([])
    },
  },
  {
    name: 'cancels a commit whose journal entry may exist before the next commit',
    async run(opener) {
      await using server = await startFakeQdrant()
      const store = await openOn(server.url, {}, opener)
      await store.commit(BEFORE)
      dieAt(server, 0, 'after')
      await expect(store.commit(CHANGE)).rejects.toMatchObject({ code: 'backend_unavailable' })
      const cancelled = journalOf(server)
      expect(cancelled).toHaveLength(1)
      server.fault = () => undefined
      await store.commit([put('next')])
      expect(journalOf(server)).not.toContain(cancelled[0])
      expect(await stateOf(store)).toBe(`${OLD.replace(' old', ' next=next old')}`)
      await store.close()
      expect(journalOf(server)).toEqual([])
    },
  },
  {
    name: 'ignores a journal entry that arrives after its cancellation',
    async run(opener) {
      await using server = await startFakeQdrant()
      const store = await openOn(server.url, {}, opener)
      await store.commit(BEFORE)
      const first = server.requests.length
      server.fault = () => ({ cut: 'before' })
      await expect(store.commit(CHANGE)).rejects.toMatchObject({ code: 'backend_unavailable' })
      const late = server.requests[first]
      server.fault = () => undefined
      await store.commit([put('next')])
      await store.close()
      await fetch(`${server.url}${late?.path}`, { method: 'POST', body: JSON.stringify(late?.body) })
      expect(journalOf(server)).toHaveLength(1)
      const again = await openOn(server.url, {}, opener)
      expect(await stateOf(again)).toContain('kept=old')
      expect(journalOf(server)).toEqual([])
      await again.close()
    },
  },
]

/** The entries of the journal, finished or not. */
export function journalOf({ state }: FakeQdrant): unknown[] {
  const points = state.collections.get('p_documents')?.points.values() ?? []
  return [...points].filter(({ payload }) => payload['collection'] === 'journal')
}
