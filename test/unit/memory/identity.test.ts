import { describe, expect, it } from 'vitest'
import type { ForeignMemory } from '../../../sidecar/memory/archive/import-memories.ts'
import { importMemories } from '../../../sidecar/memory/archive/import-memories.ts'
import { legacyMemoryIdOf, type Memory } from '../../../sidecar/memory/model/memory.ts'
import { scopeKey } from '../../../sidecar/memory/model/scope.ts'
import { putMemory, removeMemory } from '../../../sidecar/memory/repositories/memories.ts'
import { getTurn, putTurn } from '../../../sidecar/memory/repositories/turns.ts'
import { searchEntriesOf } from '../../../sidecar/memory/search/entry.ts'
import type { SearchEntry } from '../../../sidecar/ports/records.ts'
import { ADA, type OpenEngine, openEngine } from '../../helpers/engine.ts'

const SCOPE = scopeKey(ADA)
const POSITIVE = 'My blood type is A+.'
const NEGATIVE = 'My blood type is A-.'

describe('statements that differ in a symbol only', () => {
  it.each([
    [POSITIVE, NEGATIVE],
    ['The balance is 200.', 'The balance is −200.'],
    ['The balance is 200.', 'The balance is -200.'],
    ['Coffee costs $5.', 'Coffee costs €5.'],
    ['I write C++.', 'I write C#.'],
    ['Alert me if x > 5.', 'Alert me if x < 5.'],
    ['My vote: 👍', 'My vote: 👎'],
    ['私の血液型はA+です。', '私の血液型はA-です。'],
    ['我的余额是200元。', '我的余额是-200元。'],
    ['제 혈액형은 A+입니다.', '제 혈액형은 A-입니다.'],
    ['Mein Kontostand ist 200 €.', 'Mein Kontostand ist 200 $.'],
    ['Mi grupo es 0+.', 'Mi grupo es 0-.'],
  ])('are two memories in verbatim mode: %j and %j', async (one, other) => {
    const { say, texts } = openEngine()
    await say(1, one)
    const { events } = await say(2, other)
    expect(events).toMatchObject([{ event: 'ADD', memory: other }])
    expect(await texts()).toEqual([one, other].sort())
    await say(3, [` ${one}`, other.replace(/[.。]$/, '')])
    expect(await texts()).toEqual([one, other].sort())
  })

  it('are two memories in one turn, and are deleted one by one', async () => {
    const { say, engine, known, texts } = openEngine()
    await say(1, [POSITIVE, NEGATIVE])
    await engine.remove(ADA, (await known(POSITIVE)).id)
    await say(1, [POSITIVE, NEGATIVE])
    expect(await texts()).toEqual([NEGATIVE])
  })

  it('are two memories after extraction where the model keeps both', async () => {
    const { learn, texts } = openEngine({
      facts: {
        'A+': [{ text: 'Ada is A+.', topic: 'health' }],
        'A-': [{ text: 'Ada is A-.', topic: 'health' }],
      },
    })
    await learn(1, POSITIVE)
    await learn(2, NEGATIVE)
    expect(await texts()).toEqual(['Ada is A+.', 'Ada is A-.'])
  })

  it('are two memories in an import', async () => {
    const { engine, texts } = openEngine()
    const outcome = await importTexts(engine, [POSITIVE, NEGATIVE, POSITIVE])
    expect(outcome).toEqual({ imported: 2, updated: 0, unchanged: 1 })
    expect(await texts()).toEqual([POSITIVE, NEGATIVE])
  })
})

describe('memories with the ids of earlier versions', () => {
  it('are stated again under their id', async () => {
    const opened = openEngine()
    const id = await storeAsBefore(opened, POSITIVE)
    await opened.say(2, POSITIVE)
    const { sources } = await opened.known(POSITIVE)
    expect((await opened.known(POSITIVE)).id).toBe(id)
    expect(sources).toHaveLength(2)
  })

  it('do not swallow a statement that differs in a symbol', async () => {
    const opened = openEngine()
    await storeAsBefore(opened, POSITIVE)
    await opened.say(2, NEGATIVE)
    expect(await opened.texts()).toEqual([POSITIVE, NEGATIVE])
  })

  it('are kept, with their correction, when their turn is posted again', async () => {
    const opened = openEngine()
    const id = await storeAsBefore(opened, POSITIVE)
    await opened.say(1, POSITIVE)
    expect(await opened.all()).toMatchObject([{ id, text: POSITIVE }])
    await opened.engine.revise(ADA, id, { text: 'My blood type is 0+.' }, null)
    await opened.say(1, [POSITIVE, NEGATIVE])
    expect(await opened.texts()).toEqual(['My blood type is 0+.', NEGATIVE].sort())
  })

  it.each(['say', 'learn'] as const)('stay deleted when their turn is posted again (%s)', async (mode) => {
    const opened = openEngine({
      facts: {
        'A+': [{ text: POSITIVE, topic: 'health' }],
        tea: [{ text: 'Ada likes tea.', topic: 'food' }],
      },
    })
    const id = await storeAsBefore(opened, POSITIVE)
    await opened.engine.remove(ADA, id)
    await opened[mode](1, [POSITIVE, 'I like tea.'])
    expect(await opened.texts()).toEqual([mode === 'say' ? 'I like tea.' : 'Ada likes tea.'])
  })

  it('are imported once, and stay deleted', async () => {
    const opened = openEngine()
    const id = await storeAsBefore(opened, POSITIVE)
    expect(await importTexts(opened.engine, [POSITIVE])).toMatchObject({ imported: 0, unchanged: 1 })
    await opened.engine.remove(ADA, id)
    expect(await importTexts(opened.engine, [POSITIVE])).toMatchObject({ imported: 0, unchanged: 1 })
    expect(await importTexts(opened.engine, [NEGATIVE])).toMatchObject({ imported: 1, unchanged: 0 })
  })
})

/** Says a text in turn 1 and gives its memory the id of an earlier version. */
async function storeAsBefore({ say, known, records }: OpenEngine, text: string): Promise<string> {
  const { turnId } = await say(1, text)
  const memory = await known(text)
  const id = legacyMemoryIdOf(SCOPE, memory)
  const turn = await getTurn(records, SCOPE, turnId)
  if (!turn) throw new Error('expected the turn to be stored')
  const [search] = await searchEntriesOf([memory])
  const extras = { dense: new Float32Array(384), search: search as SearchEntry }
  await records.commit([
    removeMemory(SCOPE, memory.id),
    putMemory(SCOPE, { ...memory, id }, extras),
    putTurn(SCOPE, { ...turn, memory_ids: [id] }),
  ])
  return id
}

function importTexts(engine: OpenEngine['engine'], texts: readonly string[]) {
  return engine.change(SCOPE, (unit) => importMemories(unit, texts.map(foreign)))
}

function foreign(text: string): ForeignMemory {
  const memory: Omit<Memory, 'id' | 'kind' | 'version' | 'valid_from' | 'context' | 'sources' | 'order'> = {
    text,
    role: 'user',
    speaker: 'Ada',
    agent_id: null,
    run_id: null,
    app_id: null,
    metadata: {},
    topic: null,
    sub_topic: null,
    importance: null,
    event_date: null,
    expires_at: null,
    created_at: 1,
    updated_at: 1,
  }
  return { ...memory, foreign_id: null, at: 1 }
}
