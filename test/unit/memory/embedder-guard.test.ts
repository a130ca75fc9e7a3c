import { describe, expect, it } from 'vitest'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { addTurn } from '../../../sidecar/learning/intake/add-turn.ts'
import { assertSameEmbedder, reembed } from '../../../sidecar/memory/store/embedder-guard.ts'
import type { Embedder } from '../../../sidecar/ports/embedder.ts'
import type { RecordStore } from '../../../sidecar/ports/records.ts'
import { Recall } from '../../../sidecar/retrieval/recall.ts'
import { ADA, type OpenEngine, openEngine } from '../../helpers/engine.ts'

const OLD = lexicalEmbedder()
const NEW = counting('other-model', 8)
const quiet = () => {}

/** An embedder that counts letters, with the texts that it embedded. */
function counting(name: string, dimensions: number): Embedder & { texts: string[] } {
  const texts: string[] = []
  return {
    name,
    dimensions,
    texts,
    async embed(given) {
      texts.push(...given)
      return given.map((text) => {
        const vector = new Float32Array(dimensions)
        for (const letter of text)
          vector[letter.charCodeAt(0) % dimensions] =
            (vector[letter.charCodeAt(0) % dimensions] as number) + 1
        const length = Math.hypot(...vector)
        return vector.map((one) => (length === 0 ? 0 : one / length))
      })
    },
  }
}

/** Three users; the last one has past versions only. */
async function filled(wrapRecords?: (records: RecordStore) => RecordStore): Promise<OpenEngine> {
  const open = openEngine({ ...(wrapRecords ? { wrapRecords } : {}) })
  await assertSameEmbedder(open.records, OLD)
  await open.say(1, ['Ada lives in Kyoto.', 'Ada likes tea.'])
  await open.engine.revise(ADA, (await open.known('Ada likes tea.')).id, { text: 'Ada likes coffee.' }, null)
  for (const userId of ['bob', 'cyd']) {
    const scope = { ...ADA, userId }
    const { events } = await addTurn(open.engine, scope, {
      messages: [{ role: 'user', content: `${userId} plays the cello.` }],
    })
    if (userId === 'cyd') {
      open.clock.advance(1000)
      await open.engine.remove(scope, events[0]?.id as string)
    }
  }
  return open
}

async function filledWithFaults() {
  let left = Number.POSITIVE_INFINITY
  const open = await filled((records) => ({
    ...records,
    async commit(writes) {
      left -= 1
      if (left === 0) throw new Error('broken')
      await records.commit(writes)
    },
  }))
  const failAtCommit = (nth: number) => {
    left = nth
  }
  return { ...open, failAtCommit }
}

async function lengths({ dump }: OpenEngine): Promise<Set<number>> {
  const found = new Set<number>()
  for (const userId of ['ada', 'bob', 'cyd']) {
    const { memories = [], versions = [] } = await dump({ ...ADA, userId })
    for (const { dense } of [...memories, ...versions]) if (dense) found.add(dense.length)
  }
  return found
}

describe('assertSameEmbedder', () => {
  it('records the embedder of a new store', async () => {
    const { records } = openEngine()
    await assertSameEmbedder(records, OLD)
    await assertSameEmbedder(records, OLD)
    await expect(assertSameEmbedder(records, NEW)).rejects.toThrow()
  })

  it.each([
    ['another model', NEW],
    ['another length of vector', { ...OLD, dimensions: 64 }],
  ])('rejects %s and names the solutions', async (_name, embedder) => {
    const { records } = await filled()
    await expect(assertSameEmbedder(records, embedder)).rejects.toThrow(
      `EMBEDDING_MODEL: expected ${OLD.name} (${OLD.dimensions} dimensions), which embedded the memories, got ${embedder.name} (${embedder.dimensions} dimensions). Set the old model again, or run \`npm run reembed\` with the new one`,
    )
    await assertSameEmbedder(records, OLD)
  })
})

describe('a store whose memories were embedded with other prefixes', () => {
  const named = (name: string) => ({ ...NEW, name })

  it.each([
    ['m', 'm+prefixes-0a1b2c3d', /by m with no prefixes\. Run `npm run reembed`/],
    ['m+prefixes-0a1b2c3d', 'm', /by m with other prefixes\. Run `npm run reembed`/],
    ['m+prefixes-0a1b2c3d', 'm+prefixes-ffffffff', /by m with other prefixes/],
  ])('is refused: %s, then %s', async (before, after, message) => {
    const { records } = openEngine()
    await assertSameEmbedder(records, named(before))
    const opened = assertSameEmbedder(records, named(after))
    await expect(opened).rejects.toThrow(/^EMBEDDING_QUERY_PREFIX, EMBEDDING_DOCUMENT_PREFIX: /)
    await expect(assertSameEmbedder(records, named(after))).rejects.toThrow(message)
    await reembed(records, named(after), () => {})
    await assertSameEmbedder(records, named(after))
  })
})

describe('reembed', () => {
  it('replaces every vector, also of past versions and of users without memories, and search works', async () => {
    const open = await filled()
    const progress: [number, number][] = []
    const embedder = counting('m', 8)
    expect(await reembed(open.records, embedder, (...counts) => progress.push(counts))).toBe(5)
    expect(progress.at(-1)).toEqual([2, 5])
    expect(await lengths(open)).toEqual(new Set([8]))
    expect(embedder.texts.sort()).toEqual(
      [
        'Ada lives in Kyoto.',
        'Ada likes tea.',
        'Ada likes coffee.',
        'bob plays the cello.',
        'cyd plays the cello.',
      ].sort(),
    )
    await assertSameEmbedder(open.records, embedder)
    await expect(assertSameEmbedder(open.records, OLD)).rejects.toThrow(/expected m /)

    const { records, clock } = open
    const recall = new Recall({ records, embedder, embeddingDeadlineMs: 5000, now: clock.now })
    for (const [userId, asOf, count] of [
      ['ada', undefined, 2],
      ['ada', clock.now(), 2],
      ['cyd', clock.now() - 500, 1],
    ] as const) {
      const scope = { ...ADA, userId }
      const result = await recall.search(scope, { query: 'cello', topK: 5, threshold: 0, asOf })
      expect({ count: result.found.length, degraded: result.degraded }).toEqual({ count, degraded: [] })
    }
  })

  it('changes only the vectors', async () => {
    const open = await filled()
    const bare = async () =>
      JSON.stringify(await open.dump(), (key, value: unknown) => (key === 'dense' ? undefined : value))
    const before = await bare()
    await reembed(open.records, NEW, quiet)
    expect(await bare()).toBe(before)
  })

  it('does nothing with the same embedder', async () => {
    const { records } = await filled()
    const again = counting(OLD.name, OLD.dimensions)
    expect(await reembed(records, again, quiet)).toBe(0)
    expect(again.texts).toEqual([])
  })

  it('continues after a failure at any commit, and the sidecar refuses to start until it has finished', async () => {
    let finished = false
    for (let nth = 1; !finished; nth++) {
      const { failAtCommit, ...open } = await filledWithFaults()
      failAtCommit(nth)
      const embedder = counting('m', 8)
      finished = await reembed(open.records, embedder, quiet).then(
        () => true,
        () => false,
      )
      if (!finished && nth > 1) {
        for (const one of [OLD, embedder]) {
          await expect(assertSameEmbedder(open.records, one)).rejects.toThrow(
            'EMBEDDING_MODEL: re-embedding the memories with m is not finished. Run `npm run reembed` to continue, or set another model and run it to start again',
          )
        }
        await reembed(open.records, embedder, quiet)
      } else if (!finished) {
        await assertSameEmbedder(open.records, OLD)
        continue
      }
      expect(await lengths(open)).toEqual(new Set([8]))
      await assertSameEmbedder(open.records, embedder)
      // At most one page is embedded twice.
      expect(embedder.texts.length).toBeLessThanOrEqual(5 + 2)
      expect(nth).toBeLessThan(30)
    }
  })

  it('returns to the old embedder before it has finished', async () => {
    const { failAtCommit, ...open } = await filledWithFaults()
    failAtCommit(4)
    await expect(reembed(open.records, NEW, quiet)).rejects.toThrow('broken')
    expect((await lengths(open)).size).toBe(2)
    await reembed(open.records, OLD, quiet)
    expect(await lengths(open)).toEqual(new Set([OLD.dimensions]))
    await assertSameEmbedder(open.records, OLD)
    expect((await open.recall.search(ADA, { query: 'coffee', topK: 1 })).found[0]?.memory.text).toBe(
      'Ada likes coffee.',
    )
  })
})
