import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../../../sidecar/adapters/in-process/lock.ts'
import { addTurn } from '../../../sidecar/learning/intake/add-turn.ts'
import { Intake } from '../../../sidecar/learning/turn-intake.ts'
import { archiveLines } from '../../../sidecar/memory/archive/archive.ts'
import { type Archived, archived } from '../../../sidecar/memory/archive/format.ts'
import { importMemories } from '../../../sidecar/memory/archive/import-memories.ts'
import { restoreRecords } from '../../../sidecar/memory/archive/restore.ts'
import { MemoryEngine } from '../../../sidecar/memory/engine/engine.ts'
import { scopeKey } from '../../../sidecar/memory/model/scope.ts'
import { RuleBook } from '../../../sidecar/memory/rules/rule-book.ts'
import { ADA } from '../../helpers/engine.ts'
import { type FakeQdrant, startFakeQdrant } from '../../helpers/fake-qdrant/server.ts'
import { openOn } from '../../helpers/fake-qdrant/subject.ts'

/** An engine on a server, and the number of round trips of a task: requests that overlap are one. */
async function openEngine(server: FakeQdrant) {
  const embedder = lexicalEmbedder()
  const records = await openOn(server.url, { embedder })
  onTestFinished(() => records.close())
  const lock = createInProcessScopeLock()
  const engine = new MemoryEngine({ records, lock, embedder, onChange: () => {} })
  const intake = new Intake({
    engine,
    ruleBook: new RuleBook({ records, lock, cacheMs: 60_000 }),
    buffer: undefined,
  })
  /** The requests of a task that started while no other one was active. */
  const roundTrips = async (task: () => Promise<unknown>): Promise<string[]> => {
    const trips: string[] = []
    let active = 0
    const send = globalThis.fetch
    const spy = vi.spyOn(globalThis, 'fetch').mockImplementation(async (...args) => {
      const [request] = args
      const url = request instanceof Request ? request.url : String(request)
      // Servers of other files of this worker may still be asked.
      if (!url.startsWith(server.url)) return await send(...args)
      if (active === 0) trips.push(url)
      active += 1
      try {
        return await send(...args)
      } finally {
        active -= 1
      }
    })
    await task()
    spy.mockRestore()
    return trips
  }
  return { records, engine, intake, roundTrips }
}

const said = (content: string) => ({ messages: [{ role: 'user' as const, content }] })

describe('on Qdrant', () => {
  it('an add takes three round trips: one read, the journal, the records', async () => {
    await using server = await startFakeQdrant()
    const { intake, roundTrips } = await openEngine(server)
    // The rules are cached from here on.
    await intake.add(ADA, { appId: 'app', ...said('I like tea.') }, undefined)
    await intake.add(ADA, said('I like tea.'), undefined)
    const request = {
      // No other file of this worker has it: the last turn of a conversation is guessed from what the process has seen.
      conversationId: 'round-trips',
      appId: 'app',
      ...said('I live in Leeds. My cat is called Schubert.'),
    }
    for (const key of ['1', '2', '3']) {
      const trips = await roundTrips(() => intake.add(ADA, { ...request, idempotencyKey: key }, undefined))
      expect(trips).toHaveLength(3)
    }
    expect(await roundTrips(() => intake.add(ADA, said('I work as a nurse.'), undefined))).toHaveLength(3)
  })

  it('an import of 500 memories takes one round trip to read and two to write: one of each per 250', async () => {
    await using server = await startFakeQdrant()
    const { engine, roundTrips } = await openEngine(server)
    const memories = Array.from({ length: 500 }, (_, i) => ({
      text: `Ada owns ${i} books.`,
      role: 'user' as const,
      speaker: 'user',
      agent_id: null,
      run_id: null,
      app_id: null,
      metadata: {},
      topic: null,
      sub_topic: null,
      importance: null,
      event_date: null,
      expires_at: null,
      foreign_id: `f${i}`,
      at: i,
      created_at: i,
      updated_at: i,
    }))
    const run = () => engine.change(scopeKey(ADA), (unit) => importMemories(unit, memories))
    expect(await roundTrips(run)).toHaveLength(3)
    expect(await roundTrips(run)).toHaveLength(1)
  })

  it('a restore of 500 records of every kind takes one round trip to read and two to write', async () => {
    await using source = await startFakeQdrant()
    const from = await openEngine(source)
    for (let i = 0; i < 100; i++)
      await from.intake.add(
        ADA,
        { conversationId: `c${i}`, turn: 1, ...said(`I own ${i} books.`) },
        undefined,
      )
    const lines: Archived[] = []
    for await (const line of archiveLines(from.records, scopeKey(ADA), { userId: 'ada', now: 0 })) {
      const parsed = archived.safeDecode(JSON.parse(line))
      if (parsed.success) lines.push(parsed.data)
    }
    expect(new Set(lines.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(3)
    // It deletes journal entries in the background.
    await from.records.close()
    await using target = await startFakeQdrant()
    const { engine, roundTrips } = await openEngine(target)
    const batch = lines.slice(0, 500)
    const run = () => engine.change(scopeKey(ADA), (unit) => restoreRecords(unit, batch, lexicalEmbedder()))
    expect(await roundTrips(run)).toHaveLength(3)
    target.requests.length = 0
    await run()
    const paths = target.requests.map(({ path }) => path.replace(/.*collections.[^/]*/, ''))
    // Finished journal entries may be deleted meanwhile.
    expect(paths.filter((path) => path !== '/points/batch')).toEqual(['/points', '/points'])
  })

  it('a page of a list takes three round trips at most, and reads no vectors and few more records', async () => {
    await using server = await startFakeQdrant()
    const { engine, roundTrips } = await openEngine(server)
    for (let i = 0; i < 30; i++) await addTurn(engine, ADA, said(`I own ${i} books in room number ${i}.`))
    const first = server.requests.length
    const list = () => engine.list(ADA, { limit: 10, accept: () => true })
    expect((await roundTrips(list)).length).toBeLessThanOrEqual(3)
    for (const { body } of server.requests.slice(first)) {
      expect(body.limit ?? body.ids.length).toBeLessThanOrEqual(1000)
      expect(body.with_vector ?? false).toBe(false)
    }
  })
})
