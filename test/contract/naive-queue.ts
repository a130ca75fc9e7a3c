import { type Queue, QueueUnavailable, type Run } from '../../sidecar/ports/queue.ts'
import { CONCURRENCY, type QueueSubject } from './queue-subject.ts'

/** Faults of the naive adapter, with the case that detects each. */
export const CAUGHT = {
  'loses some scheduled keys': 'keeps scheduled keys when the process dies',
  'loses scheduled keys when the process dies': 'keeps scheduled keys when the process dies',
  'loses everything when the last process ends': 'keeps scheduled keys when the queue closes',
  'loses an active run when its process dies':
    'runs an interrupted key again in the next process after a crash',
  'runs a key concurrently in one process':
    'runs a key again, after its run, if it is scheduled during the run',
  'runs a key concurrently in two processes':
    'runs each key once and never concurrently in several processes',
  'does not retry a failed run': 'retries a failed run after a delay until it succeeds',
  'retries a failed run without a delay': 'retries a failed run after a delay until it succeeds',
  'starts a run too early': 'runs a key once, at its due time or later',
  'keeps the last due time': 'runs a key that is scheduled several times once, at the earliest time',
  'keeps the first due time': 'runs a key that is scheduled several times once, at the earliest time',
  'runs a key once per schedule call':
    'runs a key that is scheduled several times once, at the earliest time',
  'loses a key scheduled during its run':
    'runs a key again, after its run, if it is scheduled during the run',
  'runs a key scheduled during its run immediately':
    'keeps the due time of a key that is scheduled during its run',
  'ignores the time that a run returns':
    'runs a key again at the time that the run returns, or earlier if it is scheduled earlier',
  'replaces the scheduled time with the one that a run returns':
    'runs a key again at the time that the run returns, or earlier if it is scheduled earlier',
  'has no concurrency limit': 'runs keys concurrently up to the limit',
  'runs one key at a time': 'runs other keys while a run hangs',
  'folds the case of keys': 'treats keys as exact strings',
  'sees keys of its own process only': 'runs keys in another process than the one that scheduled them',
  'waits for hanging runs on close': 'closes within its deadline while a run hangs',
  'does not abort runs on close': 'aborts and awaits active runs on close, and starts none',
  'drops abandoned runs on close': 'runs a key in another process when its run was abandoned on close',
  'accepts keys after close': 'aborts and awaits active runs on close, and starts none',
  'runs keys after close': 'aborts and awaits active runs on close, and starts none',
}

export type Fault = keyof typeof CAUGHT

interface Entry {
  key: string
  at: number
  owner: object | undefined
  again: number | undefined
}

const DRAIN_MS = 50
const PAUSE_MS = 30

/** A simple queue for several simulated processes, correct except for its faults. */
export function naiveQueue(...faults: readonly Fault[]): QueueSubject & { close: () => void } {
  const has = (fault: Fault) => faults.includes(fault)
  let entries: Entry[] = []
  const killed = new Map<Queue, () => void>()
  const looks = new Set<() => void>()
  const timers = new Set<NodeJS.Timeout>()
  let count = 0

  function open(): Queue {
    const me = {}
    const running = new Set<AbortController>()
    const ends = new Set<Promise<unknown>>()
    let run: Run | undefined
    let closed = false
    let timer: NodeJS.Timeout | undefined

    function look(): void {
      clearTimeout(timer)
      if (!run || (closed && !has('runs keys after close'))) return
      const most = has('has no concurrency limit') ? 1000 : has('runs one key at a time') ? 1 : CONCURRENCY
      const early = has('starts a run too early') ? 60 : 0
      for (const entry of entries.filter(isFree).sort((a, b) => a.at - b.at)) {
        if (running.size >= most) return
        const wait = entry.at - early - Date.now()
        if (wait > 0) {
          timer = setTimeout(look, wait)
          timers.add(timer)
          return
        }
        void begin(entry, run)
      }
    }

    function isFree({ owner, key }: Entry): boolean {
      if (owner === undefined) {
        const same = entries.some((one) => one.key === key && one.owner !== undefined)
        return !same || has('runs a key concurrently in one process')
      }
      return owner !== me && has('runs a key concurrently in two processes')
    }

    async function begin(entry: Entry, work: Run): Promise<void> {
      entry.owner = me
      const controller = new AbortController()
      running.add(controller)
      const end = Promise.resolve().then(() => work(entry.key, controller.signal))
      ends.add(end.catch(() => {}))
      let wants: number | null = null
      try {
        wants = await end
      } catch {
        if (!closed && !has('does not retry a failed run')) {
          wants = has('retries a failed run without a delay') ? 0 : Date.now() + PAUSE_MS
        }
        if (closed) wants = 0
      }
      running.delete(controller)
      if (entry.owner !== me) return
      if (has('ignores the time that a run returns')) wants = null
      const { again } = entry
      entry.again = undefined
      entry.owner = undefined
      const at = has('replaces the scheduled time with the one that a run returns')
        ? (wants ?? again)
        : Math.min(wants ?? Number.POSITIVE_INFINITY, again ?? Number.POSITIVE_INFINITY)
      if (at === undefined || at === Number.POSITIVE_INFINITY)
        entries = entries.filter((one) => one !== entry)
      else entry.at = at
      wakeAll()
    }

    function wakeAll(): void {
      if (has('sees keys of its own process only')) look()
      else for (const one of looks) one()
    }

    function enqueue(key: string, at: number): void {
      const known = entries.find((one) => one.key === key)
      if (
        !known ||
        has('runs a key once per schedule call') ||
        has('runs a key concurrently in one process')
      ) {
        entries.push({ key, at, owner: undefined, again: undefined })
      } else if (known.owner !== undefined) {
        if (has('loses a key scheduled during its run')) return
        const wanted = has('runs a key scheduled during its run immediately') ? 0 : at
        known.again = Math.min(wanted, known.again ?? wanted)
      } else if (has('keeps the last due time')) known.at = at
      else if (!has('keeps the first due time')) known.at = Math.min(at, known.at)
    }

    function abandonRuns(): void {
      for (const entry of entries.filter(({ owner }) => owner === me)) {
        entry.owner = undefined
        if (has('loses an active run when its process dies')) {
          entries = entries.filter((one) => one !== entry)
        }
      }
    }

    function end(): void {
      closed = true
      looks.delete(look)
      killed.delete(queue)
      if (killed.size === 0 && has('loses everything when the last process ends')) entries = []
    }

    const queue: Queue = {
      kind: 'naive',
      async schedule(key, at) {
        if (closed && !has('accepts keys after close')) throw new QueueUnavailable('closed')
        if (!key.isWellFormed()) throw new TypeError('lone surrogate')
        count += 1
        if (has('loses some scheduled keys') && count % 3 === 0) return
        enqueue(has('folds the case of keys') ? key.toLowerCase().trim() : key, at)
        wakeAll()
      },
      work(task) {
        run = task
        look()
      },
      async check() {},
      async close() {
        end()
        if (!has('does not abort runs on close')) for (const one of running) one.abort(new Error('closing'))
        const late = new Promise((resolve) => timers.add(setTimeout(resolve, DRAIN_MS)))
        await (has('waits for hanging runs on close')
          ? Promise.all(ends)
          : Promise.race([Promise.all(ends), late]))
        if (has('drops abandoned runs on close')) entries = entries.filter(({ owner }) => owner !== me)
        abandonRuns()
        wakeAll()
      },
    }
    looks.add(look)
    killed.set(queue, () => {
      run = undefined
      if (has('loses scheduled keys when the process dies'))
        entries = entries.filter(({ at }) => at <= Date.now())
      end()
      abandonRuns()
      for (const one of looks) one()
    })
    return queue
  }

  return {
    open: async () => open(),
    async kill(queue) {
      killed.get(queue)?.()
    },
    close() {
      for (const timer of timers) clearTimeout(timer)
    },
  }
}
