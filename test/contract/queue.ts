import { expect } from 'vitest'
import { type Queue, QueueUnavailable } from '../../sidecar/ports/queue.ts'
import type { Case } from './contract.ts'
import { CONCURRENCY, type QueueSubject } from './queue-subject.ts'

/** Cases with two working processes; they do not apply when one process owns the backend. */
export const PEERS: readonly string[] = [
  'runs keys in another process than the one that scheduled them',
  'runs each key once and never concurrently in several processes',
  'runs a key again that another process scheduled during its run',
  'runs a key in a running process when the process of its run dies',
  'runs a key in another process when its run was abandoned on close',
]

/** Delay of scheduled runs, milliseconds: long enough for the other calls of a case on a busy machine. */
const SOON = 400
const HOUR = 3_600_000

interface Ran {
  key: string
  by: string
  at: number
}

/** Records the runs, and the maximum concurrency per key and overall. */
class Journal {
  readonly ran: Ran[] = []
  mostOfOneKey = 0
  mostAtOnce = 0
  readonly #now = new Map<string, number>()

  of(key: string): Ran[] {
    return this.ran.filter((one) => one.key === key)
  }

  /** A run that records itself and then calls `what`. */
  run(by: string, what: (key: string, nth: number, signal: AbortSignal) => unknown = () => null) {
    return async (key: string, signal: AbortSignal): Promise<number | null> => {
      this.ran.push({ key, by, at: Date.now() })
      const nth = this.of(key).length
      this.#count(key, 1)
      try {
        const answer = await what(key, nth, signal)
        return typeof answer === 'number' ? answer : null
      } finally {
        this.#count(key, -1)
      }
    }
  }

  #count(key: string, change: number): void {
    this.#now.set(key, (this.#now.get(key) ?? 0) + change)
    const all = [...this.#now.values()]
    this.mostOfOneKey = Math.max(this.mostOfOneKey, ...all)
    this.mostAtOnce = Math.max(
      this.mostAtOnce,
      all.reduce((sum, one) => sum + one, 0),
    )
  }
}

export const QUEUE_CASES: readonly Case<QueueSubject>[] = [
  {
    name: 'runs a key once, at its due time or later',
    async run({ open }) {
      const { queue, journal } = await working(open)
      const at = Date.now() + SOON
      await queue.schedule('k', at)
      // Keys that are due at the same time run in any order.
      await until(() => journal.of('k').length > 0)
      await settled(queue, journal, at)
      expect(journal.of('k')).toHaveLength(1)
      expect(journal.of('k')[0]?.at).toBeGreaterThanOrEqual(at)
    },
  },
  {
    name: 'runs overdue keys immediately, also those scheduled before a worker started',
    async run({ open }) {
      const queue = await open()
      const journal = new Journal()
      await queue.schedule('before', 0)
      queue.work(journal.run('a'))
      await queue.schedule('after', Date.now() - HOUR)
      await until(() => journal.of('before').length === 1 && journal.of('after').length === 1)
    },
  },
  {
    name: 'runs a key that is scheduled several times once, at the earliest time',
    async run({ open }) {
      const { queue, journal } = await working(open)
      const at = Date.now() + 5 * SOON
      await queue.schedule('earlier', at + HOUR)
      await queue.schedule('earlier', at)
      await queue.schedule('not postponed', at)
      await queue.schedule('not postponed', at + HOUR)
      for (let i = 0; i < 5; i++) await queue.schedule('many', at + i)
      const keys = ['earlier', 'not postponed', 'many']
      await until(() => keys.every((key) => journal.of(key).length > 0))
      await settled(queue, journal, at + SOON / 2)
      for (const key of keys) {
        expect(journal.of(key), key).toHaveLength(1)
        expect(journal.of(key)[0]?.at, key).toBeGreaterThanOrEqual(at)
      }
    },
  },
  {
    name: 'treats keys as exact strings',
    async run({ open }) {
      const { queue, journal } = await working(open)
      const odd = [
        'a',
        'A',
        ' a',
        'a ',
        'a:b',
        'a:b:c',
        '1',
        '0:1',
        'n/ada',
        '{x}',
        '東京',
        '😀',
        'é',
        'e\u0301',
      ]
      const keys = [...odd, 'a\u0000b', 'a\u0000c', '*', '', 'x'.repeat(2000)]
      for (const key of keys) await queue.schedule(key, 0)
      await until(() => journal.ran.length >= keys.length)
      expect(journal.ran.map(({ key }) => key).sort()).toEqual([...keys].sort())
    },
  },
  {
    name: 'rejects a key with a lone surrogate',
    async run({ open }) {
      const queue = await open()
      await expect(queue.schedule('a\ud800', 0)).rejects.toThrow(TypeError)
    },
  },
  {
    name: 'runs a key again, after its run, if it is scheduled during the run',
    async run({ open }) {
      const journal = new Journal()
      const queue = await open()
      const gate = newGate()
      queue.work(journal.run('a', (key, nth) => (key === 'k' && nth === 1 ? gate.passed : null)))
      await queue.schedule('k', 0)
      await until(() => journal.of('k').length === 1)
      await queue.schedule('k', 0)
      await queue.schedule('k', Date.now() + HOUR)
      await settled(queue, journal)
      expect(journal.of('k')).toHaveLength(1)
      gate.open()
      await until(() => journal.of('k').length === 2)
      await settled(queue, journal)
      expect(journal.of('k')).toHaveLength(2)
      expect(journal.mostOfOneKey).toBe(1)
    },
  },
  {
    name: 'keeps the due time of a key that is scheduled during its run',
    async run({ open }) {
      const journal = new Journal()
      const queue = await open()
      const gate = newGate()
      queue.work(journal.run('a', (key, nth) => (key === 'k' && nth === 1 ? gate.passed : null)))
      await queue.schedule('k', 0)
      await until(() => journal.of('k').length === 1)
      const at = Date.now() + SOON
      await queue.schedule('k', at)
      gate.open()
      await until(() => journal.of('k').length === 2)
      expect(journal.of('k')[1]?.at).toBeGreaterThanOrEqual(at)
    },
  },
  {
    name: 'runs a key again at the time that the run returns, or earlier if it is scheduled earlier',
    async run({ open }) {
      const journal = new Journal()
      const queue = await open()
      let at = 0
      const gate = newGate()
      queue.work(
        journal.run('a', async (key, nth) => {
          if (nth > 1) return null
          if (key === 'later') {
            at = Date.now() + SOON
            return at
          }
          if (key !== 'scheduled') return null
          await gate.passed
          return Date.now() + HOUR
        }),
      )
      await queue.schedule('scheduled', 0)
      await queue.schedule('later', 0)
      await until(() => journal.of('scheduled').length === 1)
      await queue.schedule('scheduled', 0)
      gate.open()
      await until(() => journal.of('later').length === 2 && journal.of('scheduled').length === 2)
      expect(journal.of('later')[1]?.at).toBeGreaterThanOrEqual(at)
    },
  },
  {
    name: 'retries a failed run after a delay until it succeeds',
    async run({ open }) {
      const journal = new Journal()
      const queue = await open()
      queue.work(
        journal.run('a', (key, nth) => {
          if (key === 'k' && nth < 3) throw new Error('not yet')
          return null
        }),
      )
      await queue.schedule('k', 0)
      await until(() => journal.of('k').length === 3)
      const [first, second] = journal.of('k').map(({ at }) => at) as [number, number]
      expect(second - first).toBeGreaterThanOrEqual(20)
      await settled(queue, journal)
      expect(journal.of('k')).toHaveLength(3)
    },
  },
  {
    name: 'runs keys concurrently up to the limit',
    async run({ open }) {
      const journal = new Journal()
      const queue = await open()
      const gate = newGate()
      queue.work(journal.run('a', () => gate.passed))
      const keys = Array.from({ length: 3 * CONCURRENCY }, (_, i) => `k${i}`)
      for (const key of keys) await queue.schedule(key, 0)
      await until(() => journal.ran.length >= CONCURRENCY)
      await pause(100)
      gate.open()
      await until(() => journal.ran.length >= keys.length)
      expect(journal.mostAtOnce).toBe(CONCURRENCY)
      expect(journal.ran.map(({ key }) => key).sort()).toEqual(keys)
    },
  },
  {
    name: 'runs other keys while a run hangs',
    async run({ open }) {
      const journal = new Journal()
      const queue = await open()
      const gate = newGate()
      queue.work(journal.run('a', (key) => (key === 'hangs' ? gate.passed : null)))
      await queue.schedule('hangs', 0)
      await until(() => journal.of('hangs').length === 1)
      for (let i = 0; i < 20; i++) await queue.schedule(`k${i}`, 0)
      await until(() => journal.ran.length === 21)
      gate.open()
    },
  },
  {
    name: 'aborts and awaits active runs on close, and starts none',
    async run({ open }) {
      const journal = new Journal()
      const queue = await open()
      let isOver = false
      queue.work(
        journal.run('a', async (key, _, signal) => {
          if (key !== 'k') return
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
          await pause(10)
          isOver = true
        }),
      )
      await queue.schedule('k', 0)
      await until(() => journal.of('k').length === 1)
      await queue.schedule('soon', Date.now() + SOON)
      await Promise.all([queue.close(), pause(SOON + 50)])
      expect(isOver).toBe(true)
      expect(journal.of('soon')).toHaveLength(0)
      await expect(queue.schedule('late', 0)).rejects.toThrow(QueueUnavailable)
      await queue.close()
    },
  },
  {
    name: 'closes within its deadline while a run hangs',
    async run({ open }) {
      const { queue, journal } = await working(open, () => new Promise(() => {}))
      await queue.schedule('k', 0)
      await until(() => journal.of('k').length === 1)
      const closed = queue.close().then(() => 'closed')
      expect(await Promise.race([closed, pause(10_000).then(() => 'still open')])).toBe('closed')
    },
  },
  {
    name: 'keeps scheduled keys when the process dies',
    async run({ open, kill }) {
      const queue = await open()
      for (const key of ['a', 'b', 'c', 'd']) await queue.schedule(key, Date.now() + SOON)
      await kill(queue)
      const { journal } = await working(open)
      await until(() => journal.ran.length === 4)
      expect(journal.ran.map(({ key }) => key).sort()).toEqual(['a', 'b', 'c', 'd'])
    },
  },
  {
    name: 'keeps scheduled keys when the queue closes',
    async run({ open }) {
      const first = await working(open)
      await first.queue.schedule('k', Date.now() + SOON)
      await first.queue.close()
      const { journal } = await working(open)
      // On a busy machine the key may be due before the close.
      await until(() => journal.of('k').length + first.journal.of('k').length === 1)
    },
  },
  {
    name: 'runs an interrupted key again in the next process after a crash',
    async run({ open, kill }) {
      const first = await working(open, () => new Promise(() => {}))
      await first.queue.schedule('k', 0)
      await until(() => first.journal.of('k').length === 1)
      await kill(first.queue)
      const { journal } = await working(open)
      await until(() => journal.of('k').length === 1)
    },
  },
  {
    name: 'does not repeat a run in the next process that completed during close',
    async run({ open }) {
      const first = await working(
        open,
        (_, __, signal) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
      )
      await first.queue.schedule('k', 0)
      await until(() => first.journal.of('k').length === 1)
      await first.queue.close()
      const { queue, journal } = await working(open)
      await settled(queue, journal)
      expect(journal.of('k')).toHaveLength(0)
    },
  },
  {
    name: 'runs keys in another process than the one that scheduled them',
    async run({ open }) {
      const scheduler = await open()
      const { journal } = await working(open)
      await scheduler.schedule('k', 0)
      const at = Date.now() + SOON
      await scheduler.schedule('later', at)
      await until(() => journal.of('k').length === 1 && journal.of('later').length === 1)
      expect(journal.of('later')[0]?.at).toBeGreaterThanOrEqual(at)
    },
  },
  {
    name: 'runs each key once and never concurrently in several processes',
    async run({ open }) {
      const journal = new Journal()
      const queues = [await open(), await open()] as [Queue, Queue]
      const keys = Array.from({ length: 40 }, (_, i) => `k${i}`)
      await Promise.all(keys.flatMap((key) => queues.map((queue) => queue.schedule(key, 0))))
      for (const [i, queue] of queues.entries()) queue.work(journal.run(String(i), () => pause(5)))
      await until(() => new Set(journal.ran.map(({ key }) => key)).size === keys.length)
      for (const queue of queues) await settled(queue, journal)
      expect(journal.ran.filter(({ key }) => keys.includes(key))).toHaveLength(keys.length)
      expect(journal.mostOfOneKey).toBe(1)
    },
  },
  {
    name: 'runs a key again that another process scheduled during its run',
    async run({ open }) {
      const journal = new Journal()
      const [one, other] = [await open(), await open()]
      const gate = newGate()
      const what = (key: string, nth: number) => (key === 'k' && nth === 1 ? gate.passed : null)
      one.work(journal.run('one', what))
      await one.schedule('k', 0)
      await until(() => journal.of('k').length === 1)
      other.work(journal.run('other', what))
      await other.schedule('k', 0)
      await settled(other, journal)
      expect(journal.of('k')).toHaveLength(1)
      gate.open()
      await until(() => journal.of('k').length === 2)
      await settled(other, journal)
      expect(journal.of('k')).toHaveLength(2)
      expect(journal.mostOfOneKey).toBe(1)
    },
  },
  {
    name: 'runs a key in a running process when the process of its run dies',
    async run({ open, kill }) {
      const journal = new Journal()
      const first = await open()
      first.work(journal.run('first', (key) => (key === 'k' ? new Promise(() => {}) : null)))
      await first.schedule('k', 0)
      await until(() => journal.of('k').length === 1)
      const second = await open()
      second.work(journal.run('second'))
      await settled(second, journal)
      expect(journal.of('k')).toHaveLength(1)
      await kill(first)
      await until(() => journal.of('k').length === 2)
      expect(journal.of('k')[1]?.by).toBe('second')
    },
  },
  {
    name: 'runs a key in another process when its run was abandoned on close',
    async run({ open }) {
      const first = await working(open, () => new Promise(() => {}))
      await first.queue.schedule('k', 0)
      await until(() => first.journal.of('k').length === 1)
      const { journal } = await working(open)
      await first.queue.close()
      await until(() => journal.of('k').length === 1)
    },
  },
  {
    name: 'resolves a check while it is open',
    async run({ open }) {
      const queue = await open()
      await expect(queue.check()).resolves.toBeUndefined()
    },
  },
]

async function working(
  open: QueueSubject['open'],
  what?: (key: string, nth: number, signal: AbortSignal) => unknown,
): Promise<{ queue: Queue; journal: Journal }> {
  const queue = await open()
  const journal = new Journal()
  queue.work(
    journal.run('one', (key, nth, signal) => (key.startsWith('barrier') ? null : what?.(key, nth, signal))),
  )
  return { queue, journal }
}

let barriers = 0

/** Waits until a key that is scheduled last has run, and a moment longer for surplus runs. */
async function settled(queue: Queue, journal: Journal, at = 0): Promise<void> {
  barriers += 1
  const key = `barrier ${barriers}`
  await queue.schedule(key, at)
  await until(() => journal.of(key).length === 1)
  await pause(50)
}

function newGate(): { passed: Promise<void>; open: () => void } {
  let open = () => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

let patienceMs = 20_000

/** Runs with a shorter deadline, for adapters that are known to fail. */
export async function withPatience<T>(ms: number, task: () => Promise<T>): Promise<T> {
  const before = patienceMs
  patienceMs = ms
  try {
    return await task()
  } finally {
    patienceMs = before
  }
}

async function until(isSo: () => boolean): Promise<void> {
  const end = Date.now() + patienceMs
  while (!isSo()) {
    if (Date.now() > end) throw new Error(`condition not met within ${patienceMs} ms: ${isSo}`)
    await pause(5)
  }
}
