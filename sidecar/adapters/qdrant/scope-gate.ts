import { AppError } from '../../errors.ts'

/** What is read: one scope, or the list of them all. */
export type Place = string | typeof EVERY_SCOPE

/** Stands for what changes with any scope. */
export const EVERY_SCOPE = Symbol('every scope')

/** Lets a write change several points of a scope while nobody reads it, so that no write is seen by halves. */
export interface Gate {
  /** Runs when no write is at work on the place; rejects when one is for longer than the gate's patience. */
  read<T>(place: Place, read: () => Promise<T>): Promise<T>
  /** Resolves when the scopes have no reader left, with what lets readers in again. One write at a time. */
  close(scopes: Iterable<string>): Promise<() => void>
}

/** @param patienceMs how long a read waits for a write */
export function openGate(patienceMs: number): Gate {
  let write: { places: ReadonlySet<Place>; over: Promise<void> } | undefined
  const readers = new Map<Place, number>()
  let readerLeft = () => {}

  async function untilOpen(place: Place): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(stuck()), patienceMs)
    try {
      while (write?.places.has(place)) await Promise.race([write.over, late])
    } finally {
      clearTimeout(timer)
      late.catch(() => {})
    }
  }

  return {
    async read(place, read) {
      if (write?.places.has(place)) await untilOpen(place)
      readers.set(place, (readers.get(place) ?? 0) + 1)
      try {
        return await read()
      } finally {
        const left = (readers.get(place) as number) - 1
        if (left === 0) readers.delete(place)
        else readers.set(place, left)
        readerLeft()
      }
    },
    async close(scopes) {
      const { promise: over, resolve } = Promise.withResolvers<void>()
      const places = new Set<Place>([...scopes, EVERY_SCOPE])
      write = { places, over }
      while (places.values().some((place) => readers.has(place))) {
        await new Promise<void>((wake) => {
          readerLeft = wake
        })
      }
      return () => {
        write = undefined
        resolve()
      }
    },
  }
}

function stuck(): AppError {
  return new AppError(
    'backend_unavailable',
    'The record store has not yet carried out an earlier write to this scope; it is tried again.',
  )
}
