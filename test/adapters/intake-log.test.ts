import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { openSqliteIntakeLog } from '../../sidecar/adapters/intake-log/sqlite.ts'
import { tempDir } from '../helpers/temp-dir.ts'

const bodiesOf = (log: ReturnType<typeof openSqliteIntakeLog>) => log.entries().map(({ body }) => body)

describe('the log of accepted turns', () => {
  it('has what was appended, in order, until it is removed, also for the next process', async () => {
    const path = join(tempDir(), 'intake.db')
    const log = openSqliteIntakeLog(path)
    const places = await Promise.all([1, 2, 3, 4].map((n) => log.append({ n, text: '漢字 “é”' })))
    expect(places).toEqual([...places].sort((a, b) => a - b))
    await log.remove([places[1] as number, places[3] as number])
    expect(log.entries()).toEqual([
      { place: places[0], body: { n: 1, text: '漢字 “é”' } },
      { place: places[2], body: { n: 3, text: '漢字 “é”' } },
    ])
    await log.close()
    const again = openSqliteIntakeLog(path)
    expect(bodiesOf(again)).toEqual([
      { n: 1, text: '漢字 “é”' },
      { n: 3, text: '漢字 “é”' },
    ])
    const [, third] = again.entries()
    expect(await again.append({ n: 5 })).toBeGreaterThan(third?.place as number)
    await again.close()
  })

  it('is on disk when it answers: whoever is started after a kill finds it', async () => {
    const folder = tempDir()
    const path = join(folder, 'intake.db')
    const log = openSqliteIntakeLog(path)
    const [place] = await Promise.all([log.append({ n: 1 }), log.append({ n: 2 })])
    const found = () => {
      const copy = join(folder, `copy-${Math.random()}.db`)
      for (const end of ['', '-wal']) cpSync(`${path}${end}`, `${copy}${end}`)
      const next = openSqliteIntakeLog(copy)
      const bodies = bodiesOf(next)
      return { bodies, close: () => next.close() }
    }
    const first = found()
    expect(first.bodies).toEqual([{ n: 1 }, { n: 2 }])
    await log.remove([place])
    const second = found()
    expect(second.bodies).toEqual([{ n: 2 }])
    for (const one of [first, second]) await one.close()
    await log.close()
  })

  it('shares a sync between entries that come while the disk works, and refuses them where the disk does not confirm it', async () => {
    let syncs = 0
    let isBroken = false
    const log = openSqliteIntakeLog(join(tempDir(), 'intake.db'), {
      syncFile: async () => {
        syncs += 1
        if (isBroken) throw new Error('EIO: i/o error')
      },
    })
    await Promise.all([1, 2, 3, 4, 5].map((n) => log.append({ n })))
    // Two may be under way.
    expect(syncs).toBe(3)
    expect(log.entries()).toHaveLength(5)
    isBroken = true
    await expect(log.append({ n: 3 })).rejects.toMatchObject({ code: 'backend_unavailable' })
    isBroken = false
    await expect(log.append({ n: 4 })).rejects.toMatchObject({ code: 'backend_unavailable' })
    await log.close()
  })

  it('is one process’s, and refuses a file that a newer version wrote', async () => {
    const path = join(tempDir(), 'intake.db')
    const log = openSqliteIntakeLog(path)
    expect(() => openSqliteIntakeLog(path)).toThrow('another process is using it')
    await log.close()
    const db = new DatabaseSync(path)
    db.exec('PRAGMA user_version = 99')
    db.close()
    expect(() => openSqliteIntakeLog(path)).toThrow('written by a newer version')
  })
})
