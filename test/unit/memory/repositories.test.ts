import { describe, expect, it } from 'vitest'
import { scopeKey } from '../../../sidecar/memory/model/scope.ts'
import { readMemoryOnce } from '../../../sidecar/memory/repositories/memories.ts'
import { toPayload } from '../../../sidecar/memory/repositories/record.ts'
import { ADA, openEngine } from '../../helpers/engine.ts'
import { storedMemory } from '../../helpers/memory.ts'

const KEY = scopeKey(ADA)
const DAMAGED =
  'Record damaged in collection memories is invalid: text: Invalid input: expected string, received undefined'

/** Two valid memories and one without a text. */
async function withDamagedMemory() {
  const reported: string[] = []
  const open = openEngine({ onInvalidRecord: ({ message }) => reported.push(message) })
  await open.say(1, ['Ada likes green tea.', 'Ada lives in Kyoto.'])
  const { text: _, ...payload } = storedMemory({ id: 'damaged' })
  const put = { id: 'damaged', order: 1, payload: toPayload(payload) }
  await open.records.commit([{ put, collection: 'memories', scope: KEY }])
  return { ...open, reported }
}

describe('a damaged memory record', () => {
  it('is rejected by name when it is read by id', async () => {
    const { engine } = await withDamagedMemory()
    await expect(engine.get(ADA, 'damaged')).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringContaining(DAMAGED),
    })
  })

  it('is skipped and reported by list and as_of, and search does not find it', async () => {
    const { engine, recall, clock, reported } = await withDamagedMemory()
    const all = { limit: 10, accept: () => true }
    expect((await engine.list(ADA, all)).memories).toHaveLength(2)
    expect((await engine.listAsOf(ADA, clock.now(), all)).memories).toHaveLength(2)
    expect((await recall.search(ADA, { query: 'tea', topK: 5 })).found[0]?.memory.text).toBe(
      'Ada likes green tea.',
    )
    expect(reported).toEqual([1, 2].map(() => expect.stringContaining(DAMAGED)))
  })

  it('is erased with the user', async () => {
    const { engine, dump } = await withDamagedMemory()
    expect(await engine.forget(ADA)).toMatchObject({ memories: 3 })
    expect((await dump())['memories']).toEqual([])
  })
})

describe('a memory of a search', () => {
  it('is validated once as long as the store returns the same payload, and anew for another version', () => {
    const record = (text: string) => ({
      id: 'tea',
      order: 1,
      payload: toPayload(storedMemory({ id: 'tea', text })),
    })
    const first = record('Ada likes green tea.')
    expect(readMemoryOnce({ ...first })).toBe(readMemoryOnce(first))
    expect(readMemoryOnce(record('Ada likes black tea.')).text).toBe('Ada likes black tea.')
  })
})
