import { describe, expect, it, onTestFinished } from 'vitest'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../../../sidecar/adapters/in-process/lock.ts'
import { type AddRequest, addTurn } from '../../../sidecar/learning/intake/add-turn.ts'
import { type EngineOptions, MemoryEngine } from '../../../sidecar/memory/engine/engine.ts'
import type { ScopeChange } from '../../../sidecar/memory/engine/unit-of-work.ts'
import type { Memory } from '../../../sidecar/memory/model/memory.ts'
import { putMemory } from '../../../sidecar/memory/repositories/memories.ts'
import { searchEntriesOf } from '../../../sidecar/memory/search/entry.ts'
import type { SearchEntry } from '../../../sidecar/ports/records.ts'
import { stoppedClock } from '../../helpers/clock.ts'
import { storedMemory } from '../../helpers/memory.ts'
import { openMemoryRecords } from '../../helpers/sqlite.ts'

const ADA = { namespace: 'default', userId: 'ada' }
const TEA = 'Ada likes green tea.'
const KYOTO = 'Ada lives in Kyoto.'
const PEANUTS = 'Ada is allergic to peanuts.'

function open(options: Partial<EngineOptions> = {}) {
  const clock = stoppedClock()
  const records = openMemoryRecords()
  const changes: ScopeChange[] = []
  const engine = new MemoryEngine({
    records,
    lock: createInProcessScopeLock(),
    embedder: lexicalEmbedder(),
    onChange: (change) => changes.push(change),
    now: clock.now,
    ...options,
  })
  onTestFinished(() => records.close())
  const texts = async (scope = ADA) => (await all(engine, scope)).map(({ text }) => text).sort()
  return { engine, clock, records, changes, texts }
}

async function all(engine: MemoryEngine, scope = ADA): Promise<Memory[]> {
  const { memories, next } = await engine.list(scope, { limit: 10_000, accept: () => true })
  expect(next).toBeNull()
  return memories
}

/** A turn in which the user says each text in a message of its own, so that each is a memory of its own. */
function turn(texts: readonly string[], rest: Partial<AddRequest> = {}): AddRequest {
  return { messages: texts.map((content) => ({ role: 'user', content })), conversationId: 'c', ...rest }
}

function eventsOf({ events }: { events: readonly { event: string; memory: string }[] }): string[] {
  return events.map(({ event, memory }) => `${event} ${memory}`).sort()
}

describe('a turn that is posted again', () => {
  it('changes nothing if its content is the same', async () => {
    const { engine, clock } = open()
    const first = await addTurn(engine, ADA, turn([TEA, KYOTO], { turn: 1 }))
    const before = await all(engine)
    clock.advance(60_000)
    const again = await addTurn(engine, ADA, turn([TEA, KYOTO], { turn: 1 }))
    expect(again.turnId).toBe(first.turnId)
    expect(eventsOf(again)).toEqual([`NOOP ${TEA}`, `NOOP ${KYOTO}`].sort())
    const after = await all(engine)
    expect(after.map(({ id, order, created_at }) => ({ id, order, created_at }))).toEqual(
      before.map(({ id, order, created_at }) => ({ id, order, created_at })),
    )
    for (const { sources } of after) expect(sources).toHaveLength(1)
  })

  it('removes memories that it no longer states', async () => {
    const { clock, engine, texts } = open()
    await addTurn(engine, ADA, turn([TEA, KYOTO], { turn: 1 }))
    clock.advance(60_000)
    const again = await addTurn(engine, ADA, turn([TEA, PEANUTS], { turn: 1 }))
    expect(eventsOf(again)).toEqual([`ADD ${PEANUTS}`, `DELETE ${KYOTO}`, `NOOP ${TEA}`])
    expect(await texts()).toEqual([TEA, PEANUTS].sort())
  })

  it('keeps memories that another turn states too, without itself as a source', async () => {
    const { clock, engine } = open()
    await addTurn(engine, ADA, turn([TEA, KYOTO], { turn: 1 }))
    await addTurn(engine, ADA, turn([TEA], { turn: 2 }))
    clock.advance(60_000)
    expect(eventsOf(await addTurn(engine, ADA, turn([PEANUTS], { turn: 1 })))).toEqual([
      `ADD ${PEANUTS}`,
      `DELETE ${KYOTO}`,
    ])
    const tea = (await all(engine)).find(({ text }) => text === TEA)
    expect(tea?.sources.map((source) => source.turn)).toEqual([2])
  })

  it('removes all its memories if it is empty', async () => {
    const { engine, texts } = open()
    await addTurn(engine, ADA, turn([TEA], { turn: 1 }))
    expect(eventsOf(await addTurn(engine, ADA, turn([''], { turn: 1 })))).toEqual([`DELETE ${TEA}`])
    expect(await texts()).toEqual([])
  })

  it('replaces metadata, app and context of memories that it alone states', async () => {
    const { clock, engine } = open()
    await addTurn(
      engine,
      ADA,
      turn(['Where do you live?', KYOTO], { turn: 1, appId: 'old', metadata: { channel: 'web', n: 1 } }),
    )
    const [before] = await all(engine)
    clock.advance(60_000)
    await addTurn(
      engine,
      ADA,
      turn(['And now?', KYOTO], { turn: 1, appId: 'new', metadata: { channel: 'app' } }),
    )
    const [memory] = await all(engine)
    expect(memory).toMatchObject({
      text: KYOTO,
      app_id: 'new',
      metadata: { channel: 'app' },
      context: 'And now?',
    })
    expect(memory).toMatchObject({ id: before?.id, order: before?.order, created_at: before?.created_at })
  })

  it('is a different turn in another conversation', async () => {
    const { engine, texts } = open()
    await addTurn(engine, ADA, turn([TEA], { turn: 1, conversationId: 'c1' }))
    await addTurn(engine, ADA, turn([KYOTO], { turn: 1, conversationId: 'c2' }))
    expect(await texts()).toEqual([TEA, KYOTO].sort())
  })
})

describe('a statement that is made twice', () => {
  it('is one memory with two sources, oldest first', async () => {
    const { engine, clock } = open()
    const first = await addTurn(engine, ADA, turn([TEA], { conversationId: 'c1' }))
    clock.advance(1000)
    const second = await addTurn(
      engine,
      ADA,
      turn([`  ${TEA.replaceAll(' ', '\u3000 ')}!! `], { conversationId: 'c2' }),
    )
    expect(eventsOf(second)).toEqual([`NOOP ${TEA}`])
    const [memory, ...more] = await all(engine)
    expect(more).toEqual([])
    expect(memory).toMatchObject({ text: TEA, created_at: clock.now() - 1000, updated_at: clock.now() })
    expect(memory?.sources.map(({ turn_id, conversation_id }) => [turn_id, conversation_id])).toEqual([
      [first.turnId, 'c1'],
      [second.turnId, 'c2'],
    ])
  })

  it('in one turn counts once', async () => {
    const { engine } = open()
    expect(eventsOf(await addTurn(engine, ADA, turn([TEA, TEA])))).toEqual([`ADD ${TEA}`])
  })

  it('to two agents, in two runs or by two speakers is two memories', async () => {
    const { engine } = open()
    await addTurn(engine, ADA, turn([TEA]))
    await addTurn(engine, ADA, turn([TEA], { agentId: 'a' }))
    await addTurn(engine, ADA, turn([TEA], { runId: 'a' }))
    await addTurn(engine, ADA, { messages: [{ role: 'user', name: 'Bob', content: TEA }] })
    expect(await all(engine)).toHaveLength(4)
  })

  it('forty times keeps at most 32 sources, with the first and the last', async () => {
    const { engine, clock } = open()
    for (let i = 1; i <= 40; i++) {
      clock.advance(1000)
      await addTurn(engine, ADA, turn([TEA], { turn: i }))
    }
    const [memory] = await all(engine)
    const turns = memory?.sources.map((source) => source.turn) ?? []
    expect(turns.length).toBeLessThanOrEqual(32)
    expect([turns[0], turns.at(-1)]).toEqual([1, 40])
  })
})

describe('a deleted memory', () => {
  it('is not restored by a repost of its turn, but by a new statement', async () => {
    const { clock, engine, texts } = open()
    await addTurn(engine, ADA, turn([TEA, KYOTO], { turn: 1 }))
    await addTurn(engine, ADA, turn([TEA], { turn: 2 }))
    const tea = (await all(engine)).find(({ text }) => text === TEA) as Memory
    clock.advance(60_000)
    expect((await engine.remove(ADA, tea.id)).text).toBe(TEA)
    expect(eventsOf(await addTurn(engine, ADA, turn([TEA, KYOTO], { turn: 1 })))).toEqual([`NOOP ${KYOTO}`])
    expect(eventsOf(await addTurn(engine, ADA, turn([TEA], { turn: 2 })))).toEqual([])
    expect(await texts()).toEqual([KYOTO])
    expect(eventsOf(await addTurn(engine, ADA, turn([TEA], { turn: 3 })))).toEqual([`ADD ${TEA}`])
    // The old turns neither become sources of it nor remove it.
    await addTurn(engine, ADA, turn([TEA], { turn: 1 }))
    await addTurn(engine, ADA, turn([''], { turn: 2 }))
    const again = (await all(engine)).find(({ text }) => text === TEA)
    expect(again?.sources.map((source) => source.turn)).toEqual([3])
  })

  it('is not restored by a turn that was dropped from its sources', async () => {
    const { engine, clock, texts } = open()
    for (let i = 1; i <= 40; i++) {
      clock.advance(1000)
      await addTurn(engine, ADA, turn([TEA], { turn: i }))
    }
    const [memory] = await all(engine)
    await engine.remove(ADA, memory?.id as string)
    for (let i = 1; i <= 40; i++)
      expect(eventsOf(await addTurn(engine, ADA, turn([TEA], { turn: i })))).toEqual([])
    expect(await texts()).toEqual([])
  })

  it('cannot be deleted twice', async () => {
    const { engine } = open()
    const { events } = await addTurn(engine, ADA, turn([TEA]))
    const id = events[0]?.id as string
    const outcomes = await Promise.allSettled([engine.remove(ADA, id), engine.remove(ADA, id)])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    await expect(engine.get(ADA, id)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('is not reachable from another user or namespace', async () => {
    const { engine, texts } = open()
    const { events } = await addTurn(engine, ADA, turn([TEA]))
    const id = events[0]?.id as string
    for (const scope of [
      { ...ADA, userId: 'bob' },
      { ...ADA, namespace: 'other' },
      { namespace: 'default/ada', userId: '' },
    ]) {
      await expect(engine.remove(scope, id)).rejects.toMatchObject({ code: 'not_found' })
      await expect(engine.get(scope, id)).rejects.toMatchObject({ code: 'not_found' })
    }
    expect(await texts()).toEqual([TEA])
  })
})

describe('turns without a number', () => {
  it('get consecutive numbers under concurrency', async () => {
    const { engine } = open()
    const added = await Promise.all(
      Array.from({ length: 50 }, (_, i) => addTurn(engine, ADA, turn([`Fact number ${i} is ${i * 7}.`]))),
    )
    expect(added.map((one) => one.turn).sort((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 50 }, (_, i) => i + 1),
    )
    expect(new Set(added.map(({ turnId }) => turnId)).size).toBe(50)
    expect(await all(engine)).toHaveLength(50)
  })

  it('continue after the greatest number so far', async () => {
    const { engine } = open()
    const numbers: (number | null)[] = []
    for (const given of [undefined, 7, undefined, 3, undefined])
      numbers.push((await addTurn(engine, ADA, turn([''], { turn: given }))).turn)
    expect(numbers).toEqual([1, 7, 8, 3, 9])
  })

  it('are one turn for fifty concurrent calls with one idempotency key', async () => {
    const { engine } = open()
    const added = await Promise.all(
      Array.from({ length: 50 }, () => addTurn(engine, ADA, turn([TEA], { idempotencyKey: 'k' }))),
    )
    expect(new Set(added.map((one) => `${one.turn} ${one.turnId}`)).size).toBe(1)
    const [memory] = await all(engine)
    expect(memory?.sources).toHaveLength(1)
  })

  it('have separate idempotency keys per conversation and outside of conversations', async () => {
    const { engine } = open()
    const key = { idempotencyKey: 'k' }
    const add = async (conversationId: string | undefined) =>
      (await addTurn(engine, ADA, { messages: [{ role: 'user', content: TEA }], conversationId, ...key }))
        .turnId
    const ids = [await add('c1'), await add('c2'), await add(undefined)]
    expect(new Set(ids).size).toBe(3)
    expect([await add('c1'), await add('c2'), await add(undefined)]).toEqual(ids)
  })

  it('have no number outside of conversations', async () => {
    const { engine } = open()
    const first = await addTurn(engine, ADA, turn([TEA], { conversationId: undefined }))
    const second = await addTurn(engine, ADA, turn([TEA], { conversationId: undefined }))
    expect([first.turn, second.turn]).toEqual([null, null])
    expect(first.turnId).not.toBe(second.turnId)
  })

  it('are numbered per user and namespace', async () => {
    const { engine } = open()
    const scopes = [ADA, { ...ADA, userId: 'bob' }, { ...ADA, namespace: 'other' }]
    for (const number of [1, 2])
      for (const scope of scopes) expect((await addTurn(engine, scope, turn([TEA]))).turn).toBe(number)
  })
})

describe('users and namespaces', () => {
  it('stay isolated under interleaved writes', async () => {
    const { engine } = open()
    const scopes = ['one', 'two'].flatMap((namespace) =>
      ['ada', 'bob', 'a/b', '*', ''].map((userId) => ({ namespace, userId })),
    )
    await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        scopes.map((scope) =>
          addTurn(engine, scope, turn([`${scope.namespace} ${scope.userId} said fact ${i} here.`])),
        ),
      ).flat(),
    )
    for (const scope of scopes) {
      const memories = await all(engine, scope)
      expect(memories).toHaveLength(10)
      for (const { text } of memories) expect(text).toContain(`${scope.namespace} ${scope.userId} said`)
    }
  })
})

describe('a change', () => {
  it('is reported after the commit, in commit order', async () => {
    const seen: Promise<boolean>[] = []
    const isStored = async (scope: string, id: string) =>
      (await records.get('memories', scope, id)) !== undefined
    const { engine, records } = open({
      onChange: ({ scope, upserted, removed }) => {
        for (const { memory } of upserted) seen.push(isStored(scope, memory.id))
        for (const id of removed) seen.push(isStored(scope, id).then((stored) => !stored))
      },
    })
    const { events } = await addTurn(engine, ADA, turn([TEA, KYOTO]))
    await engine.remove(ADA, events[0]?.id as string)
    // Two added, one removed, and the other without its context.
    expect(await Promise.all(seen)).toEqual([true, true, true, true])
  })

  it('carries the embedding of each memory', async () => {
    const { engine, changes } = open()
    await addTurn(engine, ADA, turn([TEA, KYOTO]))
    expect(changes).toHaveLength(1)
    for (const { dense } of changes[0]?.upserted ?? []) expect(dense.length).toBe(384)
  })

  it('is not reported and uses no turn number if it fails', async () => {
    let fail = true
    const lexical = lexicalEmbedder()
    const embed: typeof lexical.embed = async (...args) =>
      fail ? Promise.reject(new Error('no embedder')) : lexical.embed(...args)
    const { engine, changes } = open({ embedder: { ...lexical, embed } })
    await expect(addTurn(engine, ADA, turn([TEA]))).rejects.toThrow('no embedder')
    expect(changes).toEqual([])
    fail = false
    expect((await addTurn(engine, ADA, turn([TEA]))).turn).toBe(1)
  })
})

describe('list', () => {
  it('pages through more memories than one scan reads, without gaps', async () => {
    const { engine, records } = open()
    const made = Array.from({ length: 2500 }, (_, n) =>
      storedMemory({ id: `m${String(n).padStart(5, '0')}`, order: Math.floor(n / 3), metadata: { n } }),
    )
    const [search] = await searchEntriesOf(made.slice(0, 1))
    const extras = { dense: undefined, search: search as SearchEntry }
    await records.commit(made.map((memory) => putMemory('default/ada', memory, extras)))
    const accept = ({ metadata }: Memory) => (metadata['n'] as number) % 7 === 0
    const expected = made.filter(accept).map(({ id }) => id)
    for (const limit of [1, 50, 500]) {
      const ids: string[] = []
      let after: { order: number; id: string } | undefined
      do {
        const page = await engine.list(ADA, { limit, accept, after })
        expect(page.memories.length).toBeLessThanOrEqual(limit)
        ids.push(...page.memories.map(({ id }) => id))
        after = page.next ?? undefined
      } while (after && ids.length < (limit === 1 ? 20 : 5000))
      expect(ids).toEqual(limit === 1 ? expected.slice(0, 20) : expected)
    }
  })
})
