import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { scopeKey } from '../../../sidecar/memory/model/scope.ts'
import type { Held } from '../../../sidecar/memory/repositories/memories.ts'
import { scrollAll } from '../../../sidecar/ports/records.ts'
import { buildSnapshot, refreshSnapshot, type Snapshot } from '../../../sidecar/retrieval/snapshot.ts'
import { OFFLOAD_CHARACTERS } from '../../../sidecar/text/workers/worker-pool.ts'
import { ADA, openEngine } from '../../helpers/engine.ts'

const { embed } = lexicalEmbedder()
const SCOPE = scopeKey(ADA)

const WORDS = ['tea', 'Kyoto', 'cello', 'peanuts', 'brother', '東京', 'naïve', 'night', 'river', '2024', '😀']

async function heldOf({ records }: Pick<ReturnType<typeof openEngine>, 'records'>): Promise<Held[]> {
  const all = await Array.fromAsync(scrollAll(records, 'memories', SCOPE))
  return all.map(({ payload, dense }) => ({ memory: payload, dense }) as unknown as Held)
}

async function ranked({ index, memories }: Snapshot, query: string) {
  const [dense] = await embed([query], 'query')
  const ranking = index.rank(query, { limit: 1000, dense: dense as Float32Array, now: 1_772_355_600_000 })
  return ranking.map((one) => ({ ...one, memory: memories.get(one.id) }))
}

async function storedMemories(): Promise<Held[]> {
  const opened = openEngine()
  await opened.say(1, ['Ada moved to Kyoto in May.', 'Ada is allergic to peanuts 🥜.'])
  await opened.say(2, 'Ada has a brother in 東京.')
  return await heldOf(opened)
}

function copies(
  [first]: readonly Held[],
  count: number,
  text = (_: number) => first?.memory.text ?? '',
): Held[] {
  return Array.from({ length: count }, (_, i) => ({
    dense: first?.dense,
    memory: {
      ...(first as Held).memory,
      id: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
      text: text(i),
    },
  }))
}

describe('a snapshot', () => {
  it('ranks the same whether it is built, refreshed, or updated commit by commit', async () => {
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
            const pick = (n: number) => all[n % all.length]?.id as string
            if ('turn' in one) await opened.say(one.turn, one.texts)
            else if ('correct' in one && all.length > 0)
              await opened.engine.revise(ADA, pick(one.correct), { text: one.text }, null)
            else if ('remove' in one && all.length > 0) await opened.engine.remove(ADA, pick(one.remove))
            if (i === early) stale = await buildSnapshot(await heldOf(opened))
          }
          const held = await heldOf(opened)
          const expected = await ranked(await buildSnapshot(held), query)
          const refreshed = stale ?? (await buildSnapshot([]))
          expect(await refreshSnapshot(refreshed, held)).toBe(true)
          expect(await ranked(refreshed, query)).toEqual(expected)
          expect(await ranked(await opened.snapshots.get(SCOPE), query)).toEqual(expected)
        },
      ),
      { numRuns: 60 },
    )
  }, 60_000)

  it('is left unchanged by a refresh with more than 200 changes', async () => {
    const held = await storedMemories()
    const stale = await buildSnapshot(held)
    const before = await ranked(stale, 'Kyoto')
    expect(await refreshSnapshot(stale, copies(held, 250))).toBe(false)
    expect(await ranked(stale, 'Kyoto')).toEqual(before)
  })

  it('leaves the event loop free while many memories are read', async () => {
    const held = copies(
      await storedMemories(),
      800,
      (i) => `Ada has seen film number ${i} in Kyoto and told her brother.`,
    )
    let turns = 0
    let isDone = false
    const counting = (async () => {
      for (; !isDone; turns++) await new Promise((resolve) => setImmediate(resolve))
    })()
    const { index } = await buildSnapshot(held)
    isDone = true
    await counting
    expect(index.size).toBe(800)
    expect(turns).toBeGreaterThan(5)
  })

  it('ranks the same when worker threads read the texts', async () => {
    const words = Array.from({ length: 100 }, (_, i) => WORDS[(i * 7) % WORDS.length]).join(' ')
    const long = (i: number) => `Ada has seen film number ${i}. ${words}`
    const held = copies(await storedMemories(), 40, long)
    expect(held.reduce((sum, { memory }) => sum + memory.text.length, 0)).toBeGreaterThan(OFFLOAD_CHARACTERS)
    const inline = await buildSnapshot([])
    for (const one of held)
      expect(await refreshSnapshot(inline, held.slice(0, held.indexOf(one) + 1))).toBe(true)
    const query = 'Which film did Ada see in 東京?'
    expect(await ranked(await buildSnapshot(held), query)).toEqual(await ranked(inline, query))
  })
})
