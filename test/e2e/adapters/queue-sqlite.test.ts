import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sqliteClient } from '../../../sidecar/adapters/sqlite/client.ts'
import { openSqliteQueue, type SqliteQueueOptions } from '../../../sidecar/adapters/sqlite/queue.ts'
import type { Queue } from '../../../sidecar/ports/queue.ts'
import { testContract } from '../../contract/contract.ts'
import { PEERS, QUEUE_CASES } from '../../contract/queue.ts'
import { CONCURRENCY } from '../../contract/queue-subject.ts'
import { stoppedClock } from '../../helpers/clock.ts'
import { fakeTimers } from '../../helpers/learning/buffer/timers.ts'
import { tempDir } from '../../helpers/temp-dir.ts'

const ADAPTER = new URL('../../../sidecar/adapters/sqlite/queue.ts', import.meta.url).href

/** The file as a process that is killed leaves it: what it does afterwards, it does to another one. */
function copyOf(path: string): string {
  const copy = join(tempDir(), 'queue.db')
  for (const suffix of ['', '-wal']) if (existsSync(path + suffix)) copyFileSync(path + suffix, copy + suffix)
  return copy
}

testContract(
  'The SQLite queue',
  QUEUE_CASES.filter(({ name }) => !PEERS.includes(name)),
  async () => {
    let path = join(tempDir(), 'data', 'queue.db')
    const opened: Queue[] = []
    return {
      subject: {
        async open() {
          const options = { path, concurrency: CONCURRENCY, drainMs: 200, pauseMs: () => 30 }
          const queue = openSqliteQueue(options)
          opened.push(queue)
          return queue
        },
        async kill() {
          path = copyOf(path)
        },
      },
      async close() {
        await Promise.all(opened.map((queue) => queue.close()))
      },
    }
  },
)

describe('The SQLite queue', () => {
  function onTestClock(options: Partial<SqliteQueueOptions> = {}) {
    const clock = stoppedClock()
    const timers = fakeTimers(clock, sqliteClient())
    const queue = openSqliteQueue({ path: ':memory:', concurrency: 2, now: clock.now, timers, ...options })
    onTestFinished(() => queue.close())
    return { clock, timers, queue }
  }

  it('does not run before a time between two milliseconds, and so not again and again until it has come', async () => {
    const { clock, timers, queue } = onTestClock()
    const due = clock.now() + 100.5
    const ran: number[] = []
    queue.work(async () => {
      ran.push(clock.now())
      return ran.length < 10 && clock.now() < due ? due : null
    })
    await queue.schedule('k', 0)
    await timers.advance(1000)
    expect(ran).toHaveLength(2)
    expect(ran[1]).toBeGreaterThanOrEqual(due)
  })

  it('has one timer, for what is due next, and none when nothing is', async () => {
    const { clock, timers, queue } = onTestClock()
    const ran: string[] = []
    queue.work(async (key) => {
      ran.push(key)
      return null
    })
    for (const [key, ms] of Object.entries({ c: 3000, a: 1000, b: 2000 })) {
      await queue.schedule(key, clock.now() + ms)
    }
    expect(timers.set()).toEqual([1000])
    await timers.advance(1999)
    expect(ran).toEqual(['a'])
    expect(timers.set()).toEqual([1])
    await timers.advance(5000)
    expect(ran).toEqual(['a', 'b', 'c'])
    expect(timers.set()).toEqual([])
  })

  it('waits longer than a timer can, and runs at once what a clock that was set forward has passed', async () => {
    const { clock, timers, queue } = onTestClock()
    const ran: number[] = []
    const start = clock.now()
    queue.work(async () => {
      ran.push(clock.now() - start)
      return null
    })
    const month = 30 * 86_400_000
    await queue.schedule('k', start + month)
    await timers.advance(month)
    expect(ran).toEqual([month])
    await queue.schedule('k', clock.now() + month)
    clock.advance(month)
    await timers.advance(3_600_000)
    expect(ran).toHaveLength(2)
  })

  it('pauses twice as long after each failure in a row, up to a minute', async () => {
    const { clock, timers, queue } = onTestClock()
    const at: number[] = []
    queue.work(async () => {
      at.push(clock.now())
      if (at.length < 12) throw new Error('no')
      return null
    })
    await queue.schedule('k', clock.now())
    await timers.advance(3_600_000)
    expect(at).toHaveLength(12)
    const pauses = at.slice(1).map((one, i) => one - (at[i] as number))
    for (const [i, ms] of pauses.entries()) {
      const most = Math.min(60_000, 1000 * 2 ** i)
      expect(ms).toBeGreaterThanOrEqual(0.9 * most - 1)
      expect(ms).toBeLessThanOrEqual(most + 1)
    }
  })

  it('names DATA_DIR when another process owns the file', async () => {
    const path = join(tempDir(), 'queue.db')
    const queue = openSqliteQueue({ path, concurrency: 1 })
    onTestFinished(() => queue.close())
    const second = openSqliteQueue({ path, concurrency: 1 })
    const inUse = /DATA_DIR: cannot open .*queue\.db: another process is using it/
    await expect(second.check()).rejects.toThrow(inUse)
    await expect(second.schedule('k', 0)).rejects.toThrow(inUse)
    await second.close()
  })

  it('has the run of a killed process run by the next one', async () => {
    const path = join(tempDir(), 'queue.db')
    const script = `
      import { openSqliteQueue } from ${JSON.stringify(ADAPTER)}
      const queue = openSqliteQueue({ path: ${JSON.stringify(path)}, concurrency: 1 })
      await queue.schedule('n/ada', 0)
      queue.work(() => {
        process.kill(process.pid, 'SIGKILL')
        return new Promise(() => {})
      })
      setTimeout(() => {}, 10_000)
    `
    const killed = spawnSync(process.execPath, ['--input-type=module-typescript', '--eval', script])
    expect(killed.signal, String(killed.stderr)).toBe('SIGKILL')
    const queue = openSqliteQueue({ path, concurrency: 1 })
    onTestFinished(() => queue.close())
    const ran = await new Promise<string>((resolve) =>
      queue.work(async (key) => {
        resolve(key)
        return null
      }),
    )
    expect(ran).toBe('n/ada')
  })
})
