import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { AppError } from '../../sidecar/ports/errors.ts'
import type { ScopeLock } from '../../sidecar/ports/scope-lock.ts'
import { LEASE_MS, type ScopeLockSubject, WAIT_MS } from './scope-lock-subject.ts'

const ONE = 'runs tasks of one scope one after another, in all processes'
const SIDE = 'runs tasks of different scopes concurrently and treats scopes as exact strings'
const STILL = 'expires the lock of a suspended process and rejects its commits'
const ORDER = 'recovers nothing after a release in good order, and reports an unknown state'
const LEFT = 'rejects tasks while recovery fails, and retries it'
const LATE = 'rejects a task that waits too long and never runs it'

/** Faults of the naive adapter, with the case that detects each. */
export const CAUGHT_BY = {
  'does not share locks between processes': ONE,
  'checks and takes a lock in two steps': ONE,
  'runs the tasks of a process out of order':
    'runs the tasks of a process in order and resolves with their results',
  'uses one lock for all scopes': SIDE,
  'folds the case of scopes': SIDE,
  'rejects the task after a failed one': 'rejects only the promise of the task that rejects',
  'is drained while a task runs': 'is drained when all started tasks have ended',
  'does not renew leases': 'renews the lock while the task runs',
  'a lease never ends': STILL,
  'renews leases of a suspended process': STILL,
  'trusts a lease after a suspension': STILL,
  'gives up a valid lease after a suspension':
    'continues after a suspension in which no other process took the lock',
  'releases the locks of other processes': 'never releases the lock of another process',
  'skips recovery after a dead holder': 'recovers after a dead holder once, before the next task',
  'recovers before every task': ORDER,
  'skips recovery after a failed commit': 'recovers after a failed commit',
  'recovers after every failed task': ORDER,
  'does not retry a failed recovery': LEFT,
  'runs a task although recovery failed': LEFT,
  'lets a task wait without limit': LATE,
  'runs a rejected task': LATE,
  'prefers the process that requests most': 'does not starve a process while another writes continuously',
}

export type Fault = keyof typeof CAUGHT_BY

const STEP_MS = 60_000

/** What processes share: who holds which scope until when, how it was left, and the waiting requests. */
function server() {
  return {
    ahead: 0,
    locks: new Map<string, { owner: string; until: number }>(),
    marks: new Map<string, 'held' | 'free'>(),
    lines: new Map<string, string[]>(),
  }
}

/** A lock in a simple way, as two processes see it; with faults, in a wrong one. */
export function naiveScopeLock(...faults: readonly Fault[]): ScopeLockSubject {
  const has = (fault: Fault) => faults.includes(fault)
  const shared = server()
  const takeOvers: ScopeLockSubject['takeOvers'] = []
  const failing = { takeOver: false }
  const held = new Map<string, { name: string; process: { isFrozen: boolean } }>()

  function open(process: { isFrozen: boolean }): ScopeLock {
    const own = has('does not share locks between processes') ? server() : shared
    const now = () => performance.now() + shared.ahead
    const local = new Map<string, string[]>()
    const running = new Set<Promise<unknown>>()
    const broken = new Set<string>()

    const nameOf = (scope: string) => {
      if (has('uses one lock for all scopes')) return 'scope'
      return has('folds the case of scopes') ? scope.toLowerCase() : scope
    }

    function isHeldBy(name: string, token: string): boolean {
      const lock = own.locks.get(name)
      if (lock?.owner !== token) return false
      return has('a lease never ends') || now() < lock.until
    }

    /** Whether this process has more to do in a scope, and takes it again before anybody else is looked at. */
    const keeps = (name: string) =>
      has('prefers the process that requests most') && (local.get(name)?.length ?? 0) > 1

    async function isTaken(name: string, token: string): Promise<boolean> {
      const lock = own.locks.get(name)
      const isFree = !lock || (now() >= lock.until && !has('a lease never ends'))
      const line = own.lines.get(name) ?? []
      own.lines.set(name, line)
      const isFirst = line.length === 0 || line[0] === token
      if (!isFree || !isFirst) {
        if (!line.includes(token)) line.push(token)
        return false
      }
      if (has('checks and takes a lock in two steps')) await setImmediate()
      own.locks.set(name, { owner: token, until: now() + LEASE_MS })
      leaveLine(name, token)
      return true
    }

    function leaveLine(name: string, token: string): void {
      own.lines.set(
        name,
        (own.lines.get(name) ?? []).filter((one) => one !== token),
      )
    }

    function giveBack(name: string, token: string, inOrder: boolean): void {
      leaveLine(name, token)
      held.delete(token)
      const [, next] = local.get(name) ?? []
      if (next !== undefined && keeps(name)) own.lines.set(name, [next, ...(own.lines.get(name) ?? [])])
      if (!has('releases the locks of other processes') && own.locks.get(name)?.owner !== token) return
      own.locks.delete(name)
      if (inOrder) own.marks.set(name, 'free')
    }

    async function takeOver(scope: string, name: string): Promise<void> {
      const mark = own.marks.get(name)
      own.marks.set(name, has('does not retry a failed recovery') ? 'free' : 'held')
      if (mark === 'free' && !has('recovers before every task')) return
      if (mark === 'held' && has('skips recovery after a dead holder')) return
      if (failing.takeOver && !has('runs a task although recovery failed')) throw refusal()
      takeOvers.push({ scope, left: mark === undefined ? 'unknown' : 'unfinished' })
    }

    async function run<T>(scope: string, task: Parameters<ScopeLock['run']>[1]): Promise<T> {
      const name = nameOf(scope)
      const token = randomUUID()
      const line = local.get(name) ?? []
      local.set(name, line)
      if (has('runs the tasks of a process out of order')) line.unshift(token)
      else line.push(token)
      const late = has('lets a task wait without limit') ? Number.POSITIVE_INFINITY : now() + WAIT_MS
      const wait = async () => {
        await setImmediate()
        if (now() < late) return
        if (has('runs a rejected task')) await task({ assertHeld: async () => {} })
        throw refusal()
      }
      let mayHaveWritten = has('recovers after every failed task')
      let inOrder = false
      try {
        do await wait()
        while (line[0] !== token)
        while (!(await isTaken(name, token))) await wait()
        held.set(token, { name, process })
        await takeOver(scope, name)
        inOrder = true
        if (broken.delete(name)) throw refusal()
        const answer = await task({
          async assertHeld() {
            mayHaveWritten = true
            if (has('trusts a lease after a suspension')) return
            if (!isHeldBy(name, token)) throw refusal()
            if (has('gives up a valid lease after a suspension') && isAboutToEnd(name)) throw refusal()
          },
        })
        return answer as T
      } catch (error) {
        if (has('rejects the task after a failed one') && inOrder) broken.add(name)
        if (mayHaveWritten && !has('skips recovery after a failed commit')) inOrder = false
        throw error
      } finally {
        giveBack(name, token, inOrder)
        line.splice(line.indexOf(token), 1)
      }
    }

    const isAboutToEnd = (name: string) => (own.locks.get(name)?.until ?? 0) - now() < LEASE_MS / 3

    return {
      kind: 'naive',
      async run(scope, task) {
        const mine = run(scope, task)
        const over = mine.catch(() => {}).finally(() => running.delete(over))
        running.add(over)
        return (await mine) as never
      },
      async drained() {
        if (!has('is drained while a task runs')) await Promise.all(running)
      },
      async check() {},
      async close() {},
    }
  }

  const [own, other] = [{ isFrozen: false }, { isFrozen: false }]
  return {
    lock: open(own),
    peer: open(other),
    takeOvers,
    failing,
    freeze: (isFrozen) => {
      own.isFrozen = isFrozen
    },
    async advance(milliseconds) {
      for (let left = milliseconds; left > 0; left -= STEP_MS) {
        shared.ahead += Math.min(STEP_MS, left)
        for (const [token, { name, process }] of held) {
          const lock = shared.locks.get(name)
          const isIdle = process.isFrozen && !has('renews leases of a suspended process')
          if (lock?.owner !== token || isIdle || has('does not renew leases')) continue
          lock.until = performance.now() + shared.ahead + LEASE_MS
        }
        await setImmediate()
      }
    },
  }
}

function refusal(): AppError {
  return new AppError('backend_unavailable', 'not now', { retryAfterS: 1 })
}
