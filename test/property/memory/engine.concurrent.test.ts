import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addTurn } from '../../../sidecar/learning/intake/add-turn.ts'
import type { HistoryRow } from '../../../sidecar/memory/model/history.ts'
import { ADA, type OpenEngine, openEngine } from '../../helpers/engine.ts'

const FACTS = Array.from({ length: 8 }, (_, i) => `Room ${i} of Ada's house is ${i * 7} feet wide.`)

interface Call {
  kind: 'add' | 'patch' | 'delete' | 'restore' | 'restore first'
  fact: number
  n: number
}

const CALLS: fc.Arbitrary<Call[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('add' as const, 'patch', 'patch', 'delete', 'restore', 'restore first'),
    fact: fc.nat(FACTS.length - 1),
    n: fc.nat(5),
  }),
  { minLength: 200, maxLength: 200 },
)

/** Runs one call; unknown memories and versions are expected errors. */
async function run({ engine }: OpenEngine, call: Call, ids: readonly string[]): Promise<void> {
  const id = ids[call.fact] as string
  const done = async () => {
    switch (call.kind) {
      case 'add':
        return await addTurn(engine, ADA, {
          conversationId: 'c',
          turn: 1 + call.n,
          messages: [{ role: 'user', content: FACTS[call.fact] as string }],
        })
      case 'patch':
        return await engine.revise(ADA, id, { text: `Room ${call.fact}, corrected ${call.n} times.` }, null)
      case 'delete':
        return await engine.remove(ADA, id)
      case 'restore':
        return await engine.restore(ADA, id, undefined, null)
      case 'restore first':
        return await engine.restore(ADA, id, 1, null)
    }
  }
  await done().catch((error: { code?: string }) => {
    expect(['not_found', 'conflict', 'invalid_request']).toContain(error.code)
  })
}

/** The text of a memory after its history; `null` once it has ended. */
function replay(rows: readonly HistoryRow[]): { text: string | null; version: number } {
  let text: string | null = null
  let version = 0
  for (const row of rows) {
    expect(row.before).toBe(text)
    if (row.event === 'DELETE') expect(row.version).toBe(version)
    else expect(row.version).toBe(version + 1)
    expect(row.event === 'UPDATE').toBe(text !== null && row.event !== 'DELETE' && row.event !== 'RESTORE')
    text = row.after
    version = row.version
  }
  return { text, version }
}

describe('two hundred concurrent calls of one user', () => {
  it('leave memories, history, versions, list and search consistent', async () => {
    await fc.assert(
      fc.asyncProperty(CALLS, async (calls) => {
        const open = openEngine()
        const { engine, recall, dump } = open
        const first = await addTurn(engine, ADA, {
          conversationId: 'c',
          turn: 99,
          messages: FACTS.map((content) => ({ role: 'user', content })),
        })
        const ids = first.events.map(({ id }) => id)
        await Promise.all(calls.map((call) => run(open, call, ids)))

        const { memories } = await engine.list(ADA, { limit: 1000, accept: () => true })
        const held = await dump()
        const known = new Set((held['history'] ?? []).map(({ payload }) => payload['memory_id'] as string))
        for (const id of known) {
          const current = memories.find((memory) => memory.id === id)
          const { text, version } = replay(await engine.history(ADA, id))
          expect(text).toBe(current?.text ?? null)
          if (current) expect(current.version).toBe(version)
          const past = (held['versions'] ?? []).filter((record) => record.id.startsWith(`${id}@`))
          expect(past.map((record) => Number(record.id.split('@')[1])).sort((a, b) => a - b)).toEqual(
            Array.from({ length: current ? version - 1 : version }, (_, i) => i + 1),
          )
          expect((held['versions'] ?? []).some((record) => record.id === id)).toBe(current === undefined)
        }

        for (const query of ['How wide is room 3?', 'corrected', 'the house']) {
          const { found } = await recall.search(ADA, { query, topK: 1000, threshold: 0 })
          const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1)
          expect(found.map(({ memory }) => memory).sort(byId)).toEqual(memories.toSorted(byId))
        }
      }),
      { numRuns: 3 },
    )
  })
})

describe('a correction concurrent with a repost of its turn', () => {
  it.each([
    ['before', true],
    ['after', false],
  ])('is kept when it arrives just %s the repost', async (_name, first) => {
    const { say, engine, known, texts } = openEngine()
    await say(1, FACTS[0] as string)
    const { id } = await known(FACTS[0] as string)
    const patch = () => engine.revise(ADA, id, { text: 'Corrected.' }, null)
    const post = () => say(1, [FACTS[0] as string, 'Another answer it is.'])
    await Promise.all(first ? [patch(), post()] : [post(), patch()])
    expect(await texts()).toEqual(['Another answer it is.', 'Corrected.'])
    expect((await engine.history(ADA, id)).map(({ event }) => event)).toEqual(['ADD', 'UPDATE'])
  })
})
