import { zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lexicalEmbedder } from '../../sidecar/adapters/embedder/lexical.ts'
import type { Held } from '../../sidecar/memory/repositories/memories.ts'
import { scrollAll } from '../../sidecar/ports/records.ts'
import { buildSnapshot, refreshSnapshot, type Snapshot } from '../../sidecar/recall/snapshot.ts'
import { decodeSnapshot, encodeSnapshot } from '../../sidecar/recall/snapshot-bytes.ts'
import { scopeKey } from '../../sidecar/scope.ts'
import { ADA, openEngine } from '../helpers/engine.ts'

const { name: embedder, dimensions, embed } = lexicalEmbedder()
const SCOPE = scopeKey(ADA)
const IDENTITY = { scope: SCOPE, embedder, dimensions, epoch: 1_772_355_600_000_001 }

const WORDS = [
  'tea',
  'Kyoto',
  'cello',
  'peanuts',
  'brother',
  '東京',
  'naïve',
  'night',
  'river',
  'moved',
  '2024',
  '😀',
]

async function heldOf({ records }: Pick<ReturnType<typeof openEngine>, 'records'>): Promise<Held[]> {
  const all = await Array.fromAsync(scrollAll(records, 'memories', SCOPE))
  return all.map(({ payload, dense }) => ({ memory: payload, dense }) as unknown as Held)
}

const built = (held: readonly Held[]) => buildSnapshot(held.map((one) => ({ held: one, validUntil: null })))

async function ranked({ index, memories }: Snapshot, query: string) {
  const [dense] = await embed([query], 'query')
  const ranking = index.rank(query, { limit: 1000, dense: dense as Float32Array, now: 1_772_355_600_000 })
  return ranking.map((one) => ({ ...one, memory: memories.get(one.id) }))
}

async function some(): Promise<Held[]> {
  const opened = openEngine()
  await opened.say(1, ['Ada moved to Kyoto in May.', 'Ada is allergic to peanuts 🥜.'])
  await opened.say(2, 'Ada has a brother in 東京.')
  return await heldOf(opened)
}

describe('a snapshot as bytes', () => {
  it('ranks as the store does, after whatever has happened to the memories', async () => {
    const text = fc
      .array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 8 })
      .map((words) => words.join(' '))
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          turn: fc.integer({ min: 1, max: 12 }),
          texts: fc.array(text, { minLength: 1, maxLength: 3 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ correct: fc.nat(), text }) },
      { weight: 1, arbitrary: fc.record({ remove: fc.nat() }) },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 14 }),
        fc.nat(14),
        text,
        async (steps, early, query) => {
          const opened = openEngine()
          let stale: Snapshot | undefined
          for (const [i, one] of steps.entries()) {
            const all = await opened.all()
            if ('turn' in one) await opened.say(one.turn, one.texts)
            else if ('correct' in one && all.length > 0)
              await opened.engine.revise(
                ADA,
                all[one.correct % all.length]?.id as string,
                { text: one.text },
                null,
              )
            else if ('remove' in one && all.length > 0)
              await opened.engine.remove(ADA, all[one.remove % all.length]?.id as string)
            if (i === early) stale = await built(await heldOf(opened))
          }
          const held = await heldOf(opened)
          const bytes = await encodeSnapshot(IDENTITY, held)
          const decoded = await decodeSnapshot(bytes as Uint8Array, IDENTITY)
          expect(decoded).toEqual(held)
          const expected = await ranked(await built(held), query)
          expect(await ranked(await built(decoded as Held[]), query)).toEqual(expected)
          // One of before that is brought up to date is no other.
          const refreshed = stale ?? (await built([]))
          expect(refreshSnapshot(refreshed, decoded as Held[])).toBe(true)
          expect(await ranked(refreshed, query)).toEqual(expected)
          // And what was kept in step with every commit.
          expect(await ranked(await opened.snapshots.get(SCOPE), query)).toEqual(expected)
        },
      ),
      { numRuns: 60 },
    )
  }, 60_000)

  it('is built anew beside the one of before where too much has changed, and that one stays as it is', async () => {
    const held = await some()
    const [first] = held as [Held]
    const many = Array.from({ length: 250 }, (_, i) => ({
      ...first,
      memory: { ...first.memory, id: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}` },
    }))
    const stale = await built(held)
    const before = await ranked(stale, 'Kyoto')
    expect(refreshSnapshot(stale, many)).toBe(false)
    expect(await ranked(stale, 'Kyoto')).toEqual(before)
  })

  it('of many memories is built while others have their turn', async () => {
    const held = await some()
    const [first] = held as [Held]
    const many = Array.from({ length: 800 }, (_, i) => ({
      ...first,
      memory: {
        ...first.memory,
        id: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
        text: `Ada has seen film number ${i} in Kyoto and told her brother at length about it.`,
      },
    }))
    let turns = 0
    let isOver = false
    const others = (async () => {
      for (; !isOver; turns++) await new Promise((resolve) => setImmediate(resolve))
    })()
    const { index } = await built(many)
    isOver = true
    await others
    expect(index.size).toBe(800)
    expect(turns).toBeGreaterThan(5)
  })

  it('holds nothing but is still one', async () => {
    expect(await decodeSnapshot((await encodeSnapshot(IDENTITY, [])) as Uint8Array, IDENTITY)).toEqual([])
  })

  it('is none for another scope, epoch, embedder or length of vectors', async () => {
    const bytes = (await encodeSnapshot(IDENTITY, await some())) as Uint8Array
    for (const other of [
      { scope: 'default/bob' },
      { epoch: IDENTITY.epoch + 1 },
      { embedder: 'x' },
      { dimensions: 192 },
    ]) {
      expect(await decodeSnapshot(bytes, { ...IDENTITY, ...other })).toBeUndefined()
    }
    expect(await decodeSnapshot(bytes, IDENTITY)).toHaveLength(3)
  })

  it('is none where a memory has a vector of another length, or none', async () => {
    const [one, ...others] = await some()
    for (const dense of [undefined, new Float32Array(3)]) {
      expect(await encodeSnapshot(IDENTITY, [{ ...(one as Held), dense }, ...others])).toBeUndefined()
    }
  })

  it('that was damaged is none, wherever it was', async () => {
    const held = await some()
    const bytes = (await encodeSnapshot(IDENTITY, held)) as Uint8Array
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const broken = bytes.slice()
        broken[at] = (broken[at] as number) ^ flip
        const read = await decodeSnapshot(broken, IDENTITY)
        // A bit that says nothing about the content may change.
        if (read) expect(read).toEqual(held)
        expect(await decodeSnapshot(bytes.subarray(0, at), IDENTITY)).toBeUndefined()
      }),
      { numRuns: 300 },
    )
  })

  it('that somebody else wrote is none', async () => {
    const packed = (plain: Buffer) => Buffer.concat([Buffer.from('HCS1'), zstdCompressSync(plain)])
    const head = (value: unknown) => {
      const json = Buffer.from(JSON.stringify(value))
      const length = Buffer.alloc(4)
      length.writeUInt32LE(json.length)
      return Buffer.concat([length, json])
    }
    const [one] = await some()
    const foreign = [
      Buffer.alloc(0),
      Buffer.from('HCS1'),
      Buffer.from('{"memories":[]}'),
      Buffer.from((await encodeSnapshot(IDENTITY, [])) as Uint8Array).fill('HCS2', 0, 4),
      packed(Buffer.alloc(0)),
      packed(Buffer.from([255, 255, 255, 255, 1])),
      packed(head(null)),
      packed(head({ ...IDENTITY })),
      packed(head({ ...IDENTITY, memories: {} })),
      packed(head({ ...IDENTITY, memories: [one?.memory] })),
      packed(Buffer.alloc(300 * 1024 * 1024)),
    ]
    for (const value of foreign) expect(await decodeSnapshot(value, IDENTITY)).toBeUndefined()
  })
})
