import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { backupCommand } from '../../../sidecar/app/backup/backup.ts'
import { restoreCommand } from '../../../sidecar/app/backup/restore.ts'
import { runCommand } from '../../helpers/command.ts'
import { type RunningSidecar, startSidecar } from '../../helpers/sidecar-process.ts'
import { tempDir } from '../../helpers/temp-dir.ts'

const USERS = ['ada', 'bea', 'cid', 'dan']

/** Adds turns, one at a time per user, until `stop`; returns the acknowledged texts by user. */
function keepAdding({ call }: RunningSidecar) {
  let isStopped = false
  const acknowledged = new Map<string, string[]>(USERS.map((user) => [user, []]))
  const writers = USERS.map(async (user_id) => {
    for (let turn = 1; !isStopped; turn++) {
      const content = `I own the book number ${turn} of ${user_id}.`
      const body = { user_id, conversation_id: 'c', turn, messages: [{ role: 'user', content }] }
      const { status } = await call('POST', '/v1/memories', body)
      if (status === 200) acknowledged.get(user_id)?.push(content)
    }
  })
  return {
    acknowledged,
    async stop() {
      isStopped = true
      await Promise.all(writers)
    },
  }
}

const count = (texts: ReadonlyMap<string, readonly string[]>) =>
  [...texts.values()].reduce((sum, { length }) => sum + length, 0)

async function storedOf({ call }: RunningSidecar, user: string): Promise<string[]> {
  const texts: string[] = []
  for (let cursor: string | undefined; ; ) {
    const after = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const { body } = await call('GET', `/v1/memories?user_id=${user}&limit=500${after}`)
    texts.push(...body.memories.map(({ memory }: { memory: string }) => memory))
    cursor = body.next_cursor ?? undefined
    if (cursor === undefined) return texts
  }
}

describe('npm run backup and npm run restore', { timeout: 600_000 }, () => {
  it('copy everything that was acknowledged before, under load, once, into a folder that starts', async () => {
    const env = { DATA_DIR: tempDir(), LOG_LEVEL: 'error' }
    const file = join(tempDir(), 'backup.db')
    const sidecar = await startSidecar(env)
    const load = keepAdding(sidecar)
    await expect.poll(() => count(load.acknowledged), { timeout: 200_000 }).toBeGreaterThan(30)
    const before = structuredClone(load.acknowledged)

    const backup = await runCommand(backupCommand, env, '--to', file)
    expect(backup, backup.err).toMatchObject({ code: 0 })
    expect(backup.out).toMatch(/^Done: .*backup\.db is a checked copy of .*hippocache\.db with \d+ records/)
    await load.stop()
    expect(count(load.acknowledged)).toBeGreaterThan(count(before))

    const again = await runCommand(backupCommand, env, '--to', file)
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining('--to: expected a new file') })
    const owned = await runCommand(restoreCommand, env, '--from', file)
    expect(owned).toMatchObject({ code: 1, err: expect.stringContaining('a sidecar uses') })
    await sidecar.kill()
    const occupied = await runCommand(restoreCommand, env, '--from', file)
    expect(occupied).toMatchObject({ code: 1, err: expect.stringContaining('expected no records file') })

    const elsewhere = { ...env, DATA_DIR: join(tempDir(), 'new') }
    const restore = await runCommand(restoreCommand, elsewhere, '--from', file)
    expect(restore, restore.err).toMatchObject({ code: 0 })
    const restored = await startSidecar(elsewhere)
    for (const user of USERS) {
      const stored = await storedOf(restored, user)
      expect(new Set(stored).size).toBe(stored.length)
      expect(stored).toEqual(expect.arrayContaining(before.get(user) ?? []))
    }
    const query = { user_id: 'ada', query: 'book number 1' }
    const found = await restored.call('POST', '/v1/memories/search', query)
    expect(found.body.memories.length).toBeGreaterThan(0)
  })

  it('leave nothing behind when the source is no records file or is damaged', async () => {
    const folder = tempDir()
    const env = { DATA_DIR: join(folder, 'data') }
    const missing = await runCommand(backupCommand, env, '--to', join(folder, 'backup.db'))
    expect(missing).toMatchObject({ code: 1, err: expect.stringContaining('it does not exist') })
    const text = join(folder, 'notes.txt')
    writeFileSync(text, 'no database')
    const other = join(folder, 'other.db')
    new DatabaseSync(other).exec('CREATE TABLE records (a)')
    for (const from of [text, other]) {
      const restore = await runCommand(restoreCommand, env, '--from', from)
      expect(restore).toMatchObject({ code: 1, err: expect.stringContaining('Nothing was restored') })
    }
    expect(existsSync(join(folder, 'backup.db'))).toBe(false)
    expect(readdirSync(env.DATA_DIR)).toEqual(['hippocache.db-lock'])
  })

  it('point to the documentation when the records are in Qdrant', async () => {
    const env = { DATA_DIR: tempDir(), QDRANT_URL: 'http://127.0.0.1:1' }
    const backup = await runCommand(backupCommand, env, '--to', join(env.DATA_DIR, 'backup.db'))
    expect(backup).toMatchObject({ code: 1, err: expect.stringContaining('docs/deployment.md#backup') })
  })
})
