import { AppError } from '../../errors.ts'
import type { Collections } from './collections.ts'
import type { QdrantLink } from './connection.ts'
import type { Journal } from './journal.ts'
import { type Entry, keyOf } from './journal-entries.ts'
import type { PointWrite } from './points.ts'
import type { Gate } from './scope-gate.ts'
import { applyWrites, bytesOf } from './writes.ts'

export interface LaneOptions {
  link: QdrantLink
  collections: Collections
  journal: Journal
  gate: Gate
  /** For so long nobody else touches what was noted down here, milliseconds from then on. */
  undisturbedMs: number
  /** Told of every try that failed to carry out what is noted down. */
  onTrouble: (error: unknown) => void
  /** Milliseconds that only ever grow. */
  now?: () => number
}

/** Carries commits out one after the other, those that wait together as one. */
export interface Lane {
  /** Resolves when the writes are noted down and every later read sees them; rejects when they never will be seen. */
  commit(writes: readonly PointWrite[]): Promise<void>
  /** Whether nothing that was committed to a scope is yet to be carried out, or to be taken back for certain. */
  isSettled(scope: string): boolean
  /** Carries out what another left, where nobody has; rejects where it, or what is owed here, cannot be done. */
  takeOver(entry: Entry): Promise<void>
  /** Resolves when nothing is under way; what could not be carried out stays in the journal. */
  close(): Promise<void>
}

/** Most that waits for its turn, bytes. */
const MAX_WAITING_BYTES = 256 * 1024 * 1024
/** Most that goes into one entry of the journal with others, bytes. */
const MAX_GROUP_BYTES = 16 * 1024 * 1024
const FIRST_PAUSE_MS = 100
const MAX_PAUSE_MS = 10_000

interface Waiting {
  writes: readonly PointWrite[]
  bytes: number
  resolve: () => void
  reject: (error: unknown) => void
}

/** What must be done before anything else is written: carry entries out, or see that they never are. */
interface Owed {
  scopes: ReadonlySet<string>
  pay: () => Promise<void>
}

export function openLane(options: LaneOptions): Lane {
  const {
    link,
    collections,
    journal,
    gate,
    undisturbedMs,
    onTrouble,
    now = () => performance.now(),
  } = options
  const waiting: Waiting[] = []
  const takeOvers: (() => Promise<void>)[] = []
  let waitingBytes = 0
  let owed: Owed | undefined
  let running: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let failures = 0
  let closing = false

  async function settle(): Promise<void> {
    if (!owed) return
    await owed.pay()
    owed = undefined
    failures = 0
  }

  async function commitGroup(group: readonly Waiting[]): Promise<void> {
    await settle()
    const since = now()
    const { entries, written } = journal.write(
      group.map(({ writes }) => writes),
      collections.memories,
    )
    const scopes = new Set(entries.flatMap((entry) => entry.scopes))
    try {
      await written
    } catch (error) {
      // It may be there all the same, or arrive yet.
      owed = { scopes, pay: () => applyWrites(link, collections, [], journal.finish(entries)) }
      await settle().catch(onTrouble)
      throw error
    }
    // From here on it is certain to happen, though perhaps later: nobody reads the scopes before it has.
    const reopen = await gate.close(scopes)
    owed = { scopes, pay: carryingOut(entries, since, reopen) }
    await settle().catch(onTrouble)
  }

  /** Own entries, each try without those that others have finished meanwhile. */
  function carryingOut(entries: readonly Entry[], since: number, reopen: () => void): () => Promise<void> {
    let left = entries
    let disturbedSince: number | undefined
    const mayGoOn = async () => {
      // Before that nobody else has touched them, and what is sent now has arrived or is given up by then.
      if (now() - since <= undisturbedMs) return
      const marks = await journal.marksOf(left)
      const before = left.length
      left = left.filter((entry) => !marks.get(keyOf(entry))?.done)
      if (left.length < before) throw new Error('what was noted down was carried out by another process')
      const theirs = left.filter(
        (entry) => (marks.get(keyOf(entry))?.by ?? journal.instance) !== journal.instance,
      )
      if (theirs.length === 0) return
      disturbedSince ??= now()
      if (now() - disturbedSince <= 2 * undisturbedMs) {
        throw new Error('what was noted down is being carried out by another process')
      }
      // Who took them has left them in turn.
      for (const entry of theirs) await journal.take(entry)
    }
    return async () => {
      const writes = left.flatMap((entry) => entry.writes)
      await applyWrites(link, collections, writes, journal.finish(entries), mayGoOn)
      reopen()
    }
  }

  async function carryOutAnothers(entry: Entry): Promise<void> {
    await settle()
    const [mark, found] = [
      (await journal.marksOf([entry])).get(keyOf(entry)),
      await journal.unfinished(entry.scopes[0]),
    ]
    if (mark?.done || !found.some((one) => keyOf(one) === keyOf(entry))) return
    await journal.take(entry)
    const reopen = await gate.close(entry.scopes)
    try {
      const home = { ...collections, memories: entry.memories ?? collections.memories }
      await applyWrites(link, home, entry.writes, journal.finishTaken(entry))
    } finally {
      reopen()
    }
  }

  function takeGroup(): Waiting[] {
    let bytes = 0
    const size = waiting.findIndex((one, i) => {
      bytes += one.bytes
      return i > 0 && bytes > MAX_GROUP_BYTES
    })
    const group = waiting.splice(0, size === -1 ? waiting.length : size)
    for (const one of group) waitingBytes -= one.bytes
    return group
  }

  async function run(): Promise<void> {
    clearTimeout(timer)
    do {
      while (waiting.length > 0 || takeOvers.length > 0) {
        await takeOvers.shift()?.()
        const group = takeGroup()
        if (group.length === 0) continue
        try {
          await commitGroup(group)
          for (const { resolve } of group) resolve()
        } catch (error) {
          const failure = asNotStored(error)
          for (const { reject } of group) reject(failure)
        }
      }
      await settle().catch(onTrouble)
    } while (waiting.length > 0 || takeOvers.length > 0)
    running = undefined
    if (!owed || closing) return
    failures += 1
    timer = setTimeout(start, Math.min(FIRST_PAUSE_MS * 2 ** failures, MAX_PAUSE_MS))
    timer.unref()
  }

  /** In a moment: commits of one turn of the event loop share an entry. */
  function start(): void {
    running ??= Promise.resolve().then(run)
  }

  return {
    async commit(writes) {
      if (writes.length === 0) return
      const bytes = writes.reduce((sum, { point }) => sum + (point ? bytesOf(point) : 100), 0)
      if (waitingBytes > 0 && waitingBytes + bytes > MAX_WAITING_BYTES) {
        throw asNotStored(new Error('too many writes are waiting'))
      }
      await new Promise<void>((resolve, reject) => {
        waiting.push({ writes, bytes, resolve, reject })
        waitingBytes += bytes
        start()
      })
    },
    isSettled: (scope) => !owed?.scopes.has(scope),
    async takeOver(entry) {
      await new Promise<void>((resolve, reject) => {
        takeOvers.push(() => carryOutAnothers(entry).then(resolve, reject))
        start()
      })
    },
    async close() {
      closing = true
      clearTimeout(timer)
      while (running !== undefined) await running
    },
  }
}

function asNotStored(cause: unknown): AppError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new AppError(
    'backend_unavailable',
    `The record store could not write; nothing was stored: ${reason}`,
    {
      cause,
    },
  )
}
