import { join } from 'node:path'
import { expect, it } from 'vitest'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { openSqliteRecords } from '../../../sidecar/adapters/sqlite/records.ts'
import type { Memory } from '../../../sidecar/memory/model/memory.ts'
import { putMemory } from '../../../sidecar/memory/repositories/memories.ts'
import { saveSearchNote } from '../../../sidecar/memory/repositories/meta.ts'
import { ENTRY_VERSION, searchEntriesOf } from '../../../sidecar/memory/search/entry.ts'
import type { SearchEntry } from '../../../sidecar/ports/records.ts'
import { openSidecar } from '../../helpers/sidecar.ts'
import { tempDir } from '../../helpers/temp-dir.ts'
import { testApp } from '../../helpers/test-app.ts'

const COUNT = 50_000
const PAGE = 5_000
/** Others get the vectors of these, because embedding all takes longer than the rest of the test. */
const EMBEDDED = 500
const TOWNS = ['Porto', 'Kyoto', 'Oslo', 'Quito', 'Riga', 'Sofia', 'Tunis', 'Turin', 'Vienna', 'Zagreb']
/** Epoch milliseconds. */
const START = Date.parse('2026-01-01T00:00:00Z')
const MINUTE = 60_000

const PASSPORT = 'My passport is in the blue drawer.'
const BOILER = 'The plumber who repaired our boiler is called Goodwin.'
const PUPPY = 'We adopted a puppy.'
const CELLO = 'I started to play the cello.'

/** Memories among the others, by number: the oldest, two in the middle, the newest. */
const SPECIAL = new Map<number, Partial<Memory> & { text: string }>([
  [0, { text: PASSPORT, metadata: { channel: 'mail' } }],
  [21_000, { text: BOILER, app_id: 'home', metadata: { channel: 'mail' } }],
  [33_000, { text: PUPPY, event_date: '2025-05-03' }],
  [COUNT - 1, { text: CELLO, metadata: { channel: ['chat', 'mail'] } }],
])

function memoryOf(i: number): Memory {
  const at = START + i * MINUTE
  const { text, ...special } = SPECIAL.get(i) ?? {
    text: `My friend number ${i} lives in ${TOWNS[i % TOWNS.length]}.`,
  }
  return {
    ...{ id: `m${i}`, text, role: 'user', speaker: 'user', kind: 'verbatim', version: 1 },
    ...{ agent_id: null, run_id: null, app_id: null, metadata: {}, topic: null, sub_topic: null },
    ...{ importance: null, event_date: null, expires_at: null, context: null },
    sources: [{ turn_id: `t${i}`, conversation_id: null, turn: null, ordinal: 0, at }],
    ...{ order: at * 1000, valid_from: at, created_at: at, updated_at: at },
    ...special,
  }
}

async function createLargeScope(path: string): Promise<void> {
  const records = openSqliteRecords(path)
  const embedder = lexicalEmbedder()
  const embed = (memories: readonly Memory[]) => {
    const texts = memories.map(({ text }) => text)
    return embedder.embed(texts, 'document')
  }
  const shared = await embed(Array.from({ length: EMBEDDED }, (_, i) => memoryOf(i + 1)))
  for (let from = 0; from < COUNT; from += PAGE) {
    const memories = Array.from({ length: PAGE }, (_, i) => memoryOf(from + i))
    const entries = await searchEntriesOf(memories)
    const special = memories.filter((_, i) => SPECIAL.has(from + i))
    const vectors = new Map((await embed(special)).map((dense, i) => [special[i], dense]))
    const writes = memories.map((memory, i) => {
      const dense = vectors.get(memory) ?? shared[(from + i) % EMBEDDED]
      return putMemory('default/ada', memory, { dense, search: entries[i] as SearchEntry })
    })
    await records.commit(writes)
  }
  await saveSearchNote(records, { version: ENTRY_VERSION })
  await records.close()
}

const textsOf = (body: { memories: { memory: string }[] }) => body.memories.map(({ memory }) => memory)

it('50,000 memories of a user are searched completely by a process that has just started', async () => {
  const folder = tempDir()
  const path = join(folder, 'hippocache.db')
  await createLargeScope(path)

  // The deadline of a recall is longer here than in a sidecar, where the first one depends on the speed of the machine.
  const records = openSqliteRecords(path)
  const { call } = testApp({ wrapRecords: () => records })
  const query = { user_id: 'ada', query: 'Where is my passport?', strategy: 'per_query' }
  const { body } = await call('POST', '/v1/recall', query)
  expect(body).toMatchObject({ status: 'ok', degraded: [], count: 10 })
  expect(textsOf(body)[0]).toBe(PASSPORT)
  await records.close()

  const sidecar = await openSidecar({ DATA_DIR: folder })
  const search = async (query: string, more: object = {}) => {
    const request = { user_id: 'ada', query, ...more }
    const { body } = await sidecar.call('POST', '/v1/memories/search', request)
    expect(body.degraded).toEqual([])
    return textsOf(body)
  }
  const first = await search('Which plumber repaired the boiler?')
  expect(first[0]).toBe(BOILER)
  expect(await search('Which plumber repaired the boiler?')).toEqual(first)
  expect((await search('Do I play the cello?'))[0]).toBe(CELLO)
  expect((await search('Where does friend number 31337 live?'))[0]).toBe(memoryOf(31_337).text)
  expect(await search('What happened on 3 May 2025?')).toContain(PUPPY)
  expect(await search('Where do my friends live?', { top_k: 100 })).toHaveLength(100)
  // Without a threshold, the answer is empty, because the memories that pass share no word with the query.
  const mail = await search('Where do my friends live?', {
    threshold: 0,
    filters: { 'metadata.channel': 'mail' },
  })
  expect(mail.sort()).toEqual([PASSPORT, BOILER, CELLO].sort())
  expect(await search('Where do my friends live?', { threshold: 0, app_id: 'home' })).toEqual([BOILER])
}, 300_000)
