import { type Queue, QueueUnavailable, type Run } from '../../sidecar/ports/queue.ts'
import { CONCURRENCY, type QueueSubject } from './queue-subject.ts'

/** Faults of the naive adapter, with the case that detects each. */
export const CAUGHT = {
  'a wish is lost now and then': 'keeps a wish when its process dies',
  'a wish is lost when its process dies': 'keeps a wish when its process dies',
  'all is forgotten when the last process ends': 'keeps a wish when its process is closed',
  'a run that was under way is forgotten when its process dies':
    'runs again, in the next process, what was under way when the last one died',
  'a key is run twice at once in a process':
    'runs a key again for a wish that came during its run, and not at the same time',
  'a key is run twice at once in two processes':
    'runs each key once and one at a time, whichever processes work',
  'a run that rejects is not tried again':
    'runs a key again after a pause when the run rejects, until it does not',
  'a run that rejects is tried again at once, without end':
    'runs a key again after a pause when the run rejects, until it does not',
  'a run begins too early': 'runs a key once, at its time or after it and not before',
  'the last wish wins': 'takes several wishes for one, the earliest, whichever comes first',
  'the first wish wins': 'takes several wishes for one, the earliest, whichever comes first',
  'every wish is a run of its own': 'takes several wishes for one, the earliest, whichever comes first',
  'a wish during a run is lost':
    'runs a key again for a wish that came during its run, and not at the same time',
  'a wish during a run is due at once': 'keeps to the time of a wish that came during a run',
  'what a run wants is ignored':
    'runs a key again when the run says so, or earlier where that was wished meanwhile',
  'what a run wants replaces what was wished meanwhile':
    'runs a key again when the run says so, or earlier where that was wished meanwhile',
  'runs are unbounded': 'runs keys side by side, and not more at once than it may',
  'one run at a time': 'is not held up by a run that hangs',
  'keys are folded': 'takes keys exactly as they are',
  'a process that waits sees its own wishes only': 'runs in another process what one only wishes for',
  'close waits for ever': 'does not wait for ever for a run when it is closed',
  'close tells nobody': 'tells runs to stop when it is closed, waits for them, and begins none',
  'what has been given up is done': 'has a run taken over that its process gave up when it closed',
  'a closed queue takes wishes': 'tells runs to stop when it is closed, waits for them, and begins none',
  'a closed queue goes on': 'tells runs to stop when it is closed, waits for them, and begins none',
}

export type Fault = keyof typeof CAUGHT

interface Wish {
  key: string
  at: number
  owner: object | undefined
  again: number | undefined
}

const DRAIN_MS = 50
const PAUSE_MS = 30

/** The plainest queue there is, of several processes in one, right but for its faults. */
export function naiveQueue(...faults: readonly Fault[]): QueueSubject & { close: () => void } {
  const has = (fault: Fault) => faults.includes(fault)
  let wishes: Wish[] = []
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
      if (!run || (closed && !has('a closed queue goes on'))) return
      const most = has('runs are unbounded') ? 1000 : has('one run at a time') ? 1 : CONCURRENCY
      const early = has('a run begins too early') ? 60 : 0
      for (const wish of wishes.filter(isFree).sort((a, b) => a.at - b.at)) {
        if (running.size >= most) return
        const wait = wish.at - early - Date.now()
        if (wait > 0) {
          timer = setTimeout(look, wait)
          timers.add(timer)
          return
        }
        void begin(wish, run)
      }
    }

    function isFree({ owner, key }: Wish): boolean {
      if (owner === undefined) {
        const same = wishes.some((one) => one.key === key && one.owner !== undefined)
        return !same || has('a key is run twice at once in a process')
      }
      return owner !== me && has('a key is run twice at once in two processes')
    }

    async function begin(wish: Wish, work: Run): Promise<void> {
      wish.owner = me
      const controller = new AbortController()
      running.add(controller)
      const end = Promise.resolve().then(() => work(wish.key, controller.signal))
      ends.add(end.catch(() => {}))
      let wants: number | null = null
      try {
        wants = await end
      } catch {
        if (!closed && !has('a run that rejects is not tried again')) {
          wants = has('a run that rejects is tried again at once, without end') ? 0 : Date.now() + PAUSE_MS
        }
        if (closed) wants = 0
      }
      running.delete(controller)
      if (wish.owner !== me) return
      if (has('what a run wants is ignored')) wants = null
      const { again } = wish
      wish.again = undefined
      wish.owner = undefined
      const at = has('what a run wants replaces what was wished meanwhile')
        ? (wants ?? again)
        : Math.min(wants ?? Number.POSITIVE_INFINITY, again ?? Number.POSITIVE_INFINITY)
      if (at === undefined || at === Number.POSITIVE_INFINITY) wishes = wishes.filter((one) => one !== wish)
      else wish.at = at
      wakeAll()
    }

    function wakeAll(): void {
      if (has('a process that waits sees its own wishes only')) look()
      else for (const one of looks) one()
    }

    function wishFor(key: string, at: number): void {
      const known = wishes.find((one) => one.key === key)
      if (!known || has('every wish is a run of its own') || has('a key is run twice at once in a process')) {
        wishes.push({ key, at, owner: undefined, again: undefined })
      } else if (known.owner !== undefined) {
        if (has('a wish during a run is lost')) return
        const wanted = has('a wish during a run is due at once') ? 0 : at
        known.again = Math.min(wanted, known.again ?? wanted)
      } else if (has('the last wish wins')) known.at = at
      else if (!has('the first wish wins')) known.at = Math.min(at, known.at)
    }

    function letGo(): void {
      for (const wish of wishes.filter(({ owner }) => owner === me)) {
        wish.owner = undefined
        if (has('a run that was under way is forgotten when its process dies')) {
          wishes = wishes.filter((one) => one !== wish)
        }
      }
    }

    function end(): void {
      closed = true
      looks.delete(look)
      killed.delete(queue)
      if (killed.size === 0 && has('all is forgotten when the last process ends')) wishes = []
    }

    const queue: Queue = {
      kind: 'naive',
      async schedule(key, at) {
        if (closed && !has('a closed queue takes wishes')) throw new QueueUnavailable('closed')
        if (!key.isWellFormed()) throw new TypeError('lone surrogate')
        count += 1
        if (has('a wish is lost now and then') && count % 3 === 0) return
        wishFor(has('keys are folded') ? key.toLowerCase().trim() : key, at)
        wakeAll()
      },
      work(task) {
        run = task
        look()
      },
      async check() {},
      async close() {
        end()
        if (!has('close tells nobody')) for (const one of running) one.abort(new Error('closing'))
        const late = new Promise((resolve) => timers.add(setTimeout(resolve, DRAIN_MS)))
        await (has('close waits for ever') ? Promise.all(ends) : Promise.race([Promise.all(ends), late]))
        if (has('what has been given up is done')) wishes = wishes.filter(({ owner }) => owner !== me)
        letGo()
        wakeAll()
      },
    }
    looks.add(look)
    killed.set(queue, () => {
      run = undefined
      if (has('a wish is lost when its process dies')) wishes = wishes.filter(({ at }) => at <= Date.now())
      end()
      letGo()
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
