import { expect } from 'vitest'
import { type Queue, QueueUnavailable } from '../../sidecar/ports/queue.ts'
import type { Case } from './contract.ts'
import { CONCURRENCY, type QueueSubject } from './queue-subject.ts'

/** Cases of two processes that work at the same time. Where one process owns the backend they do not apply. */
export const PEERS: readonly string[] = [
  'runs in another process what one only wishes for',
  'runs each key once and one at a time, whichever processes work',
  'runs again what was wished in one process during a run in another',
  'has a run taken over while others work, when its process dies',
  'has a run taken over that its process gave up when it closed',
]

/** Milliseconds between a wish and its time: enough for all that is to be wished meanwhile on a busy machine. */
const SOON = 400
const HOUR = 3_600_000

interface Ran {
  key: string
  by: string
  at: number
}

/** Notes who runs what, and how many of one key and of all at once. */
class Journal {
  readonly ran: Ran[] = []
  mostOfOneKey = 0
  mostAtOnce = 0
  readonly #now = new Map<string, number>()

  of(key: string): Ran[] {
    return this.ran.filter((one) => one.key === key)
  }

  /** A run that notes itself, and does then what `what` says. */
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
    name: 'runs a key once, at its time or after it and not before',
    async run({ open }) {
      const { queue, journal } = await working(open)
      const at = Date.now() + SOON
      await queue.schedule('k', at)
      await settled(queue, journal, at)
      expect(journal.of('k')).toHaveLength(1)
      expect(journal.of('k')[0]?.at).toBeGreaterThanOrEqual(at)
    },
  },
  {
    name: 'runs what is past without waiting, also what was wished before anybody worked',
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
    name: 'takes several wishes for one, the earliest, whichever comes first',
    async run({ open }) {
      const { queue, journal } = await working(open)
      const at = Date.now() + SOON
      await queue.schedule('brought forward', at + HOUR)
      await queue.schedule('brought forward', at)
      await queue.schedule('not put off', at)
      await queue.schedule('not put off', at + HOUR)
      for (let i = 0; i < 5; i++) await queue.schedule('many', at + i)
      await settled(queue, journal, at + SOON / 2)
      for (const key of ['brought forward', 'not put off', 'many']) {
        expect(journal.of(key), key).toHaveLength(1)
        expect(journal.of(key)[0]?.at, key).toBeGreaterThanOrEqual(at)
      }
    },
  },
  {
    name: 'takes keys exactly as they are',
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
    name: 'refuses a key that UTF-8 cannot tell from others',
    async run({ open }) {
      const queue = await open()
      await expect(queue.schedule('a\ud800', 0)).rejects.toThrow(TypeError)
    },
  },
  {
    name: 'runs a key again for a wish that came during its run, and not at the same time',
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
    name: 'keeps to the time of a wish that came during a run',
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
    name: 'runs a key again when the run says so, or earlier where that was wished meanwhile',
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
          if (key !== 'wished') return null
          await gate.passed
          return Date.now() + HOUR
        }),
      )
      await queue.schedule('wished', 0)
      await queue.schedule('later', 0)
      await until(() => journal.of('wished').length === 1)
      await queue.schedule('wished', 0)
      gate.open()
      await until(() => journal.of('later').length === 2 && journal.of('wished').length === 2)
      expect(journal.of('later')[1]?.at).toBeGreaterThanOrEqual(at)
    },
  },
  {
    name: 'runs a key again after a pause when the run rejects, until it does not',
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
    name: 'runs keys side by side, and not more at once than it may',
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
    name: 'is not held up by a run that hangs',
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
    name: 'tells runs to stop when it is closed, waits for them, and begins none',
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
    name: 'does not wait for ever for a run when it is closed',
    async run({ open }) {
      const { queue, journal } = await working(open, () => new Promise(() => {}))
      await queue.schedule('k', 0)
      await until(() => journal.of('k').length === 1)
      const closed = queue.close().then(() => 'closed')
      expect(await Promise.race([closed, pause(10_000).then(() => 'still open')])).toBe('closed')
    },
  },
  {
    name: 'keeps a wish when its process dies',
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
    name: 'keeps a wish when its process is closed',
    async run({ open }) {
      const { queue } = await working(open)
      await queue.schedule('k', Date.now() + SOON)
      await queue.close()
      const { journal } = await working(open)
      await until(() => journal.of('k').length === 1)
    },
  },
  {
    name: 'runs again, in the next process, what was under way when the last one died',
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
    name: 'does not run again, in the next process, what ended while the last one closed',
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
    name: 'runs in another process what one only wishes for',
    async run({ open }) {
      const wisher = await open()
      const { journal } = await working(open)
      await wisher.schedule('k', 0)
      const at = Date.now() + SOON
      await wisher.schedule('later', at)
      await until(() => journal.of('k').length === 1 && journal.of('later').length === 1)
      expect(journal.of('later')[0]?.at).toBeGreaterThanOrEqual(at)
    },
  },
  {
    name: 'runs each key once and one at a time, whichever processes work',
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
    name: 'runs again what was wished in one process during a run in another',
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
    name: 'has a run taken over while others work, when its process dies',
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
    name: 'has a run taken over that its process gave up when it closed',
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
    name: 'answers a check while it is open',
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

/** Waits until something was run that was wished for after all else, and a moment longer: what is to come has come. */
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

/** Fails after so long instead: for adapters that are known to fail. */
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
    if (Date.now() > end) throw new Error(`never came: ${isSo}`)
    await pause(5)
  }
}
