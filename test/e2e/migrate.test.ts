import { once } from 'node:events'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { openSqliteRecords } from '../../sidecar/adapters/sqlite/records.ts'
import { migrateCommand } from '../../sidecar/app/migrate.ts'
import { runCommand, spawnCommand } from '../helpers/command.ts'
import { type FakeQdrant, startFakeQdrant } from '../helpers/fake-qdrant/server.ts'
import { type LocalSidecar, openSidecar } from '../helpers/sidecar.ts'
import { tempDir } from '../helpers/temp-dir.ts'

const USERS = ['ada', 'bob', '阿达', 'a/b']

const spawnMigrate = (env: Record<string, string>, ...args: string[]) => spawnCommand('migrate', env, ...args)
const migrated = (env: Record<string, string>, ...args: string[]) => runCommand(migrateCommand, env, ...args)

async function post({ call }: LocalSidecar, path: string, request: object) {
  const { status, body } = await call('POST', path, request)
  expect(status).toBe(200)
  return body
}

async function recalls(sidecar: LocalSidecar) {
  const answers = USERS.map(async (user_id) => {
    const query = { user_id, query: 'Which tea, and which city?', strategy: 'per_query' }
    const { context, memories } = await post(sidecar, '/v1/recall', query)
    return { context, memories }
  })
  return await Promise.all(answers)
}

describe('npm run migrate', () => {
  it('resumes after kill -9 and copies a SQLite file to Qdrant with the same recall results', async () => {
    await using server = await startFakeQdrant()
    const env = { DATA_DIR: tempDir() }
    const before = await openSidecar(env)
    for (const user_id of USERS) {
      for (let turn = 1; turn <= 3; turn += 1) {
        const content = `I moved to city ${turn}. I drink tea number ${turn} of ${user_id}.`
        await post(before, '/v1/memories', {
          user_id,
          conversation_id: 'c',
          turn,
          messages: [{ role: 'user', content }],
        })
      }
    }
    const expected = await recalls(before)
    await before.close()

    const target = { ...env, QDRANT_URL: server.url }
    await killedMidway(server, target)
    await expect(openSidecar({ ...target, DATA_DIR: tempDir() })).rejects.toThrow(
      /from \S+hippocache\.db is incomplete\. Run `npm run migrate` again/,
    )
    const { code, out, err } = await migrated(target, '--to', 'qdrant')
    expect({ code, err: err.replace(/\r[^\r]*/g, '') }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/Done: \S+ \(hippocache_\*\) is an identical copy of \S+hippocache\.db/)
    expect(out).toMatch(/memories +\d+ in 4\n/)
    expect((await migrated(target, '--to', 'qdrant')).out).toMatch(
      /^Nothing to do: the migration to \S+ \(hippocache_\*\) is complete/,
    )

    const after = await openSidecar({ DATA_DIR: tempDir(), QDRANT_URL: server.url })
    expect(await recalls(after)).toEqual(expected)
    await after.close()
    // Copy back to a new SQLite file.
    const back = { DATA_DIR: tempDir(), QDRANT_URL: server.url }
    expect(await migrated(back, '--to', 'sqlite')).toMatchObject({ code: 0 })
  }, 180_000)

  it('prints the problem and exits with 1', async () => {
    await using server = await startFakeQdrant({ apiKey: 'hunter2-hunter2' })
    const empty = { DATA_DIR: tempDir() }
    const killed = { DATA_DIR: tempDir() }
    await openSqliteRecords(join(killed.DATA_DIR, 'hippocache.db')).close()
    const log = new DatabaseSync(join(killed.DATA_DIR, 'intake.db'))
    log.exec(
      `CREATE TABLE entries (place INTEGER PRIMARY KEY, body TEXT NOT NULL); INSERT INTO entries VALUES (1, '{}')`,
    )
    log.close()
    for (const [env, args, message] of [
      [empty, [], /--to: expected one of sqlite, qdrant, got null/],
      [empty, ['--to', 'qdrant'], /--to: expected QDRANT_URL to be set/],
      [
        { ...empty, QDRANT_URL: server.url },
        ['--to', 'qdrant'],
        /DATA_DIR: \S+hippocache\.db does not exist/,
      ],
      [
        { ...killed, QDRANT_URL: server.url },
        ['--to', 'qdrant'],
        /DATA_DIR: expected no accepted turns in intake\.db, got 1: .* Start the sidecar/,
      ],
      [
        { ...empty, QDRANT_URL: server.url },
        ['--to', 'sqlite'],
        /QDRANT_URL: qdrant at 127\.0\.0\.1:\d+: the API key was rejected \(401\); set QDRANT_API_KEY/,
      ],
      [
        { ...empty, QDRANT_URL: server.url, QDRANT_API_KEY: 'hunter2-hunter2' },
        ['--to', 'sqlite'],
        /QDRANT_URL, QDRANT_COLLECTION_PREFIX: \S+ \(hippocache_\*\) is empty/,
      ],
    ] as const) {
      const { code, err } = await migrated({ ...env }, ...args)
      expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(message) })
    }
  }, 120_000)
})

/** Kills the command when its second batch arrives. */
async function killedMidway(server: FakeQdrant, env: Record<string, string>): Promise<void> {
  let batches = 0
  server.fault = ({ path, body }) => {
    if (!path.endsWith('/points/batch') || !JSON.stringify(body).includes('journal')) return undefined
    batches += 1
    if (batches < 4) return undefined
    child.kill('SIGKILL')
    return { cut: 'after' }
  }
  const child = spawnMigrate(env, '--to', 'qdrant')
  await once(child, 'close')
  expect(child.signalCode).toBe('SIGKILL')
  server.fault = () => undefined
}
