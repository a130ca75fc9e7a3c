import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { AppError } from '../../sidecar/ports/errors.ts'
import type { ScopeLock } from '../../sidecar/ports/scope-lock.ts'
import { LEASE_MS, type ScopeLockSubject, WAIT_MS } from './scope-lock-subject.ts'

const ONE = 'runs tasks of one scope one after another, whoever asks'
const SIDE = 'runs tasks of different scopes side by side, and takes scopes exactly as they are'
const STILL = 'ends by itself where a process stands still, whose commits are refused from then on'
const ORDER =
  'knows that nothing is left where a lock was given back in good order, and says so where it does not know'
const LEFT = 'lets nobody write where what was left could not be finished, and tries that again'
const LATE = 'refuses a task that waits for too long, and never runs it'

/** Faults of the naive adapter, with the case that detects each. */
export const CAUGHT_BY = {
  'each process has locks of its own': ONE,
  'a lock is looked at and then taken': ONE,
  'the tasks of a process come in any order':
    'runs the tasks of a process in the order in which they came, and answers what they answer',
  'all scopes are one': SIDE,
  'scopes are told apart without their case': SIDE,
  'what fails fails the next one too': 'rejects what rejects, and nothing else',
  'it is drained while a task runs': 'is drained when what was under way has ended',
  'renewal is forgotten': 'keeps a lock for as long as the task runs',
  'a lease never ends': STILL,
  'a lease lasts until it is given back, whoever stands still': STILL,
  'a process that stood still trusts itself': STILL,
  'a process that stood still gives up': 'goes on where a process stood still and nobody came in between',
  'a lock is anybody’s to give back': 'lets nobody give back the lock of another',
  'what a dead holder left is nobody’s':
    'has what a dead holder left finished before the next task runs, once',
  'what was left is finished by every holder': ORDER,
  'a failed commit is as good as one that worked': 'takes a commit that failed for one that may be half done',
  'every failure may be half a commit': ORDER,
  'what could not be finished is forgotten': LEFT,
  'a task runs although what was left could not be finished': LEFT,
  'a task waits for ever': LATE,
  'a task runs although it was refused': LATE,
  'who asks most gets it': 'lets nobody who keeps writing keep another from it',
}

export type Fault = keyof typeof CAUGHT_BY

const STEP_MS = 60_000

/** What processes share: who holds which scope until when, how it was left, and who waits. */
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
    const own = has('each process has locks of its own') ? server() : shared
    const now = () => performance.now() + shared.ahead
    const local = new Map<string, string[]>()
    const running = new Set<Promise<unknown>>()
    const broken = new Set<string>()

    const nameOf = (scope: string) => {
      if (has('all scopes are one')) return 'scope'
      return has('scopes are told apart without their case') ? scope.toLowerCase() : scope
    }

    function isHeldBy(name: string, token: string): boolean {
      const lock = own.locks.get(name)
      if (lock?.owner !== token) return false
      return has('a lease never ends') || now() < lock.until
    }

    /** Whether this process has more to do in a scope, and takes it again before anybody else is looked at. */
    const keeps = (name: string) => has('who asks most gets it') && (local.get(name)?.length ?? 0) > 1

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
      if (has('a lock is looked at and then taken')) await setImmediate()
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
      if (!has('a lock is anybody’s to give back') && own.locks.get(name)?.owner !== token) return
      own.locks.delete(name)
      if (inOrder) own.marks.set(name, 'free')
    }

    async function takeOver(scope: string, name: string): Promise<void> {
      const mark = own.marks.get(name)
      own.marks.set(name, has('what could not be finished is forgotten') ? 'free' : 'held')
      if (mark === 'free' && !has('what was left is finished by every holder')) return
      if (mark === 'held' && has('what a dead holder left is nobody’s')) return
      if (failing.takeOver && !has('a task runs although what was left could not be finished'))
        throw refusal()
      takeOvers.push({ scope, left: mark === undefined ? 'unknown' : 'unfinished' })
    }

    async function run<T>(scope: string, task: Parameters<ScopeLock['run']>[1]): Promise<T> {
      const name = nameOf(scope)
      const token = randomUUID()
      const line = local.get(name) ?? []
      local.set(name, line)
      if (has('the tasks of a process come in any order')) line.unshift(token)
      else line.push(token)
      const late = has('a task waits for ever') ? Number.POSITIVE_INFINITY : now() + WAIT_MS
      const wait = async () => {
        await setImmediate()
        if (now() < late) return
        if (has('a task runs although it was refused')) await task({ assertHeld: async () => {} })
        throw refusal()
      }
      let mayHaveWritten = has('every failure may be half a commit')
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
            if (has('a process that stood still trusts itself')) return
            if (!isHeldBy(name, token)) throw refusal()
            if (has('a process that stood still gives up') && isAboutToEnd(name)) throw refusal()
          },
        })
        return answer as T
      } catch (error) {
        if (has('what fails fails the next one too') && inOrder) broken.add(name)
        if (mayHaveWritten && !has('a failed commit is as good as one that worked')) inOrder = false
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
        if (!has('it is drained while a task runs')) await Promise.all(running)
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
          const isIdle =
            process.isFrozen && !has('a lease lasts until it is given back, whoever stands still')
          if (lock?.owner !== token || isIdle || has('renewal is forgotten')) continue
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
