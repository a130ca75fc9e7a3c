import { copyFileSync, cpSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { lexicalEmbedder } from '../../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../../../../sidecar/adapters/in-process/lock.ts'
import { openSqliteRecords } from '../../../../sidecar/adapters/sqlite/records.ts'
import { importIntakeLog, readIntakeLog } from '../../../../sidecar/cli/migration/intake-log.ts'
import { MemoryEngine } from '../../../../sidecar/memory/engine/engine.ts'
import type { Turn } from '../../../../sidecar/memory/model/turns.ts'
import { scrollAll } from '../../../../sidecar/ports/records.ts'
import { openSidecar } from '../../../helpers/sidecar.ts'
import { tempDir } from '../../../helpers/temp-dir.ts'

/*
 * The fixture is a DATA_DIR of the last version with an intake log. Its model never answered. The first process stored
 * two turns of ada and was stopped; the second one acknowledged 42 turns and was killed with `kill -9`: 6 of them had
 * reached the records, 36 were only in intake.db.
 */
const FIXTURE = fileURLToPath(new URL('../../../fixtures/intake-log-data-folder', import.meta.url))

const USERS = ['ada', 'bob', 'cleo']
const TOWNS = ['Porto', 'Kyoto', 'Oslo', 'Quito', 'Riga', 'Sofia', 'Tunis', 'Turin', 'Vienna', 'Zagreb']

/** The acknowledged turns of each user, sorted. */
const EXPECTED: Record<string, string[]> = Object.fromEntries(
  USERS.map((user, u) => {
    const numbers = Array.from({ length: 40 }, (_, i) => i).filter((i) => i % 3 === u)
    const texts = numbers.map((i) => `My friend number ${i + 1} lives in ${TOWNS[i % 10]}`)
    if (user === 'ada') texts.push('I live in Leeds', 'I am a nurse')
    if (user === 'bob') texts.push('I have a cat', 'I play the cello')
    return [user, texts.sort()]
  }),
)

function copyOfFixture(): string {
  const folder = join(tempDir(), 'data')
  cpSync(FIXTURE, folder, { recursive: true })
  return folder
}

/** The engine on a data folder, as far as the import needs it. */
function open(folder: string) {
  const records = openSqliteRecords(join(folder, 'hippocache.db'))
  const embedder = lexicalEmbedder()
  const engine = new MemoryEngine({ records, embedder, lock: createInProcessScopeLock(), onChange: () => {} })
  const run = (changes: Pick<MemoryEngine, 'tryChange'> = engine) =>
    importIntakeLog(join(folder, 'intake.db'), {
      records,
      engine: changes,
      loadTokenCounter: async () => (text) => text.length,
    })
  const turns = async (user: string) => {
    const found: Turn[] = []
    for await (const { payload } of scrollAll(records, 'turns', `default/${user}`)) {
      found.push(payload as unknown as Turn)
    }
    return found
  }
  const texts = async (user: string) => (await turns(user)).map(({ messages }) => messages[0]?.content).sort()
  return { records, engine, run, turns, texts }
}

describe('the intake log of an earlier version', () => {
  it('is imported when the sidecar starts: every acknowledged turn is recallable exactly once', async () => {
    const folder = copyOfFixture()
    for (const life of ['first', 'second']) {
      const sidecar = await openSidecar({ DATA_DIR: folder })
      for (const user of USERS) {
        const { body } = await sidecar.call('GET', `/v1/memories?user_id=${user}&limit=100`)
        const texts = body.memories.map(({ memory }: { memory: string }) => memory).sort()
        expect(texts, `${user}, ${life} start`).toEqual(EXPECTED[user])
      }
      const query = { user_id: 'cleo', query: 'Where does friend number 39 live?', strategy: 'per_query' }
      const { body } = await sidecar.call('POST', '/v1/recall', query)
      expect(body.context.split('My friend number 39 lives in Vienna')).toHaveLength(2)
      await sidecar.close()
      expect(readdirSync(folder).filter((name) => name.startsWith('intake'))).toEqual(['intake.db.migrated'])
    }
  })

  it('adds each turn once, with the time of its acceptance, and waits for extraction', async () => {
    const folder = copyOfFixture()
    const entries = readIntakeLog(join(folder, 'intake.db'))
    expect(entries).toHaveLength(42)
    const { records, run, turns, texts } = open(folder)
    expect(await run()).toBe(36)
    for (const user of USERS) {
      expect(await texts(user)).toEqual(EXPECTED[user])
      const stored = await turns(user)
      expect(new Set(stored.map(({ revision, state }) => `${revision} ${state}`))).toEqual(
        new Set(['1 pending']),
      )
      for (const { turnId, at } of entries.filter(({ scope }) => scope === `default/${user}`)) {
        expect(stored.find(({ id }) => id === turnId)?.created_at).toBe(at)
      }
    }
    await records.close()
  })

  it.each([0, 1, 17, 35])('loses and doubles nothing when the process dies after %i turns', async (count) => {
    const folder = copyOfFixture()
    const first = open(folder)
    let added = 0
    const dying = first.run({
      tryChange: async (...args) => {
        if (added === count) throw new Error('killed')
        added += 1
        return await first.engine.tryChange(...args)
      },
    })
    await expect(dying).rejects.toThrow('killed')
    await first.records.close()
    expect(existsSync(join(folder, 'intake.db'))).toBe(true)
    const second = open(folder)
    expect(await second.run()).toBe(36)
    for (const user of USERS) {
      expect(await second.texts(user)).toEqual(EXPECTED[user])
      expect((await second.turns(user)).map(({ revision }) => revision)).toEqual(EXPECTED[user]?.map(() => 1))
    }
    await second.records.close()
  })

  it('is renamed even without entries, and a folder without it stays unchanged', async () => {
    const folder = tempDir()
    const { records, run } = open(folder)
    expect(await run()).toBe(0)
    const db = new DatabaseSync(join(folder, 'intake.db'))
    db.exec('PRAGMA journal_mode = WAL; CREATE TABLE entries (place INTEGER PRIMARY KEY, body TEXT NOT NULL)')
    db.close()
    expect(await run()).toBe(0)
    expect(readdirSync(folder).filter((name) => name.startsWith('intake'))).toEqual(['intake.db.migrated'])
    await records.close()
  })

  it('that is unreadable stops the start with the file name', async () => {
    const folder = tempDir()
    copyFileSync(fileURLToPath(import.meta.url), join(folder, 'intake.db'))
    const { records, run } = open(folder)
    await expect(run()).rejects.toThrow(/^DATA_DIR: cannot read .*intake\.db: .*not a database/)
    expect(existsSync(join(folder, 'intake.db'))).toBe(true)
    await records.close()
  })
})
