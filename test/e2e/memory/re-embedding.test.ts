import { describe, expect, it } from 'vitest'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../../../sidecar/adapters/in-process/lock.ts'
import { toPayload } from '../../../sidecar/memory/repositories/record.ts'
import { assertSameEmbedder } from '../../../sidecar/memory/store/embedder-guard.ts'
import { embedderBefore, moveEmbeddings } from '../../../sidecar/memory/store/re-embedding.ts'
import { updateSearchIndex } from '../../../sidecar/memory/store/search-index.ts'
import type { Embedder } from '../../../sidecar/ports/embedder.ts'
import { type RecordStore, scrollAll } from '../../../sidecar/ports/records.ts'
import { put } from '../../contract/records.ts'
import { type FakeQdrant, startFakeQdrant } from '../../helpers/fake-qdrant/server.ts'
import { openOn } from '../../helpers/fake-qdrant/subject.ts'
import { storedMemory } from '../../helpers/memory.ts'

const OLD = counting(16)
const NEW = counting(32)
const SCOPES = ['default/ada', 'default/bob']
const quiet = () => {}

/** The lexical embedder, with the texts that it embedded. */
function counting(dimensions: number): Embedder & { texts: string[] } {
  const honest = lexicalEmbedder({ dimensions })
  const texts: string[] = []
  return {
    ...honest,
    texts,
    async embed(given, ...rest) {
      texts.push(...given)
      return await honest.embed(given, ...rest)
    },
  }
}

async function memory(id: string, text: string, embedder: Embedder, scope: string) {
  const [dense] = await embedder.embed([text], 'document')
  const payload = toPayload(storedMemory({ id, text }))
  return { put: { id, order: id.length, payload, dense }, collection: 'memories' as const, scope }
}

/** Two users with 70 memories each, more than one page, and an end marker. */
async function filled(server: FakeQdrant): Promise<RecordStore> {
  const store = await openOn(server.url, { embedder: OLD })
  await assertSameEmbedder(store, OLD)
  for (const scope of SCOPES) {
    for (let i = 0; i < 70; i += 1) await store.commit([await memory(`m${i}`, `tea ${i}`, OLD, scope)])
    await store.commit([
      put('ended', { scope, collection: 'versions', payload: { memory: { id: 'ended', text: 'was' } } }),
    ])
  }
  OLD.texts.length = 0
  return store
}

/** A filled store, opened with the old and with the new embedder. */
async function openStores() {
  const stack = new AsyncDisposableStack()
  const server = stack.use(await startFakeQdrant())
  const source = await filled(server)
  stack.defer(() => source.close())
  const target = await openOn(server.url, { embedder: NEW })
  stack.defer(() => target.close())
  return { server, source, target, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

async function textsIn(store: RecordStore, scope: string): Promise<string[]> {
  return (await Array.fromAsync(scrollAll(store, 'memories', scope))).map(({ payload }) =>
    String(payload['text']),
  )
}

describe('moveEmbeddings', () => {
  it('switches to the new vectors when all are made, and can go back and forth', async () => {
    await using stores = await openStores()
    const { server, source, target } = stores
    const [old] = server.state.aliases.values()
    await expect(assertSameEmbedder(target, NEW)).rejects.toThrow(/npm run reembed/)
    const progress: number[] = []
    const options = { source, target, from: OLD, embedder: NEW }
    const onProgress = (_scopes: number, _records: number, embedded: number) => {
      progress.push(embedded)
      expect(server.state.aliases.get('p_memories')).toBe(old)
    }
    expect(await moveEmbeddings({ ...options, onProgress })).toBe(140)
    expect(progress.toSorted((a, b) => a - b)).toEqual(progress)
    expect(server.state.aliases.get('p_memories')).not.toBe(old)
    await assertSameEmbedder(target, NEW)
    for (const scope of SCOPES) {
      expect(await textsIn(target, scope)).toEqual(await textsIn(source, scope))
      const [record] = await target.scroll('memories', scope, { limit: 1 })
      expect(record?.dense).toEqual((await NEW.embed([String(record?.payload['text'])], 'document'))[0])
      expect(await target.get('versions', scope, 'ended')).toMatchObject({ id: 'ended', dense: undefined })
    }

    // Rollback: nothing was written since, so no text is embedded.
    const back = { source: target, target: source, from: NEW, onProgress: quiet }
    expect(await moveEmbeddings({ ...back, embedder: embedderBefore(OLD) })).toBe(0)
    expect(server.state.aliases.get('p_memories')).toBe(old)
    await assertSameEmbedder(source, OLD)

    // Again, with one memory changed, one removed and one added: only the new texts are embedded.
    const scope = SCOPES[0] as string
    await source.commit([
      await memory('m3', 'coffee', OLD, scope),
      await memory('new', 'cake', OLD, scope),
      { remove: 'm5', collection: 'memories', scope },
    ])
    NEW.texts.length = 0
    await moveEmbeddings({ ...options, onProgress: quiet })
    expect(NEW.texts.toSorted()).toEqual(['cake', 'coffee'])
    expect(await textsIn(target, scope)).toEqual(await textsIn(source, scope))

    // A rollback that must embed a text is refused without the model and changes nothing.
    await target.commit([await memory('late', 'milk', NEW, scope)])
    await expect(moveEmbeddings({ ...back, embedder: embedderBefore(OLD) })).rejects.toThrow(
      /must be embedded with it. Set EMBEDDING_MODEL to .* and run `npm run reembed`/,
    )
    await assertSameEmbedder(target, NEW)
    OLD.texts.length = 0
    expect(await moveEmbeddings({ ...back, embedder: OLD })).toBe(1)
    expect(OLD.texts).toEqual(['milk'])
    await assertSameEmbedder(source, OLD)
  })

  it('gives the memories of an earlier version the search entries of the source, and keeps their vectors', async () => {
    await using stores = await openStores()
    const { source, target } = stores
    await moveEmbeddings({ source, target, from: OLD, embedder: NEW, onProgress: quiet })
    await updateSearchIndex(target, createInProcessScopeLock(), () => {}, quiet)
    OLD.texts.length = 0
    const back = { source: target, target: source, from: NEW, embedder: embedderBefore(OLD) }
    expect(await moveEmbeddings({ ...back, onProgress: quiet })).toBe(0)
    const [scope = ''] = SCOPES
    const query = { terms: new Map(), limit: 1000 }
    const [found, expected] = [await source.search(scope, query), await target.search(scope, query)]
    expect(found.total).toBe(70)
    const entriesOf = ({ candidates }: typeof found) => new Map(candidates.map((one) => [one.id, one.search]))
    expect(entriesOf(found)).toEqual(entriesOf(expected))
    const record = await source.get('memories', scope, 'm7')
    expect(record?.dense).toEqual((await OLD.embed(['tea 7'], 'document'))[0])
  })

  it('continues after a failure at any request', async () => {
    for (const n of [1, 7, 12, 25]) {
      await using server = await startFakeQdrant()
      await using stack = new AsyncDisposableStack()
      const source = await filled(server)
      stack.defer(() => source.close())
      const first = await openOn(server.url, { embedder: NEW })
      const start = server.requests.length
      server.fault = () => (server.requests.length - start > n ? { cut: 'half' } : undefined)
      NEW.texts.length = 0
      const options = { source, from: OLD, embedder: NEW, onProgress: quiet }
      await expect(moveEmbeddings({ ...options, target: first })).rejects.toThrow(/qdrant at/)
      server.fault = () => undefined
      await first.close()
      const [old] = server.state.aliases.values()
      await assertSameEmbedder(source, OLD)
      const target = await openOn(server.url, { embedder: NEW })
      stack.defer(() => target.close())
      expect(server.state.aliases.get('p_memories')).toBe(old)
      await moveEmbeddings({ ...options, target })
      await assertSameEmbedder(target, NEW)
      for (const scope of SCOPES) expect(await textsIn(target, scope)).toHaveLength(70)
      // At most one page is embedded twice.
      expect(NEW.texts.length).toBeLessThanOrEqual(140 + 64)
    }
  }, 120_000)

  it('does not switch while a sidecar writes', async () => {
    await using stores = await openStores()
    const { source, target } = stores
    let n = 0
    const busy: RecordStore = {
      ...source,
      async scroll(...args) {
        await source.commit([await memory('busy', `busy ${n++}`, OLD, 'default/ada')])
        return await source.scroll(...args)
      },
    }
    const options = { source: busy, target, from: OLD, embedder: NEW, onProgress: quiet }
    await expect(moveEmbeddings(options)).rejects.toThrow(/Stop every sidecar/)
    await assertSameEmbedder(source, OLD)
  })
})
