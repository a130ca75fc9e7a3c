/** How long work that nobody waits for keeps the event loop, milliseconds. */
const SLICE_MS = 2

/**
 * How long such work is put off for the sake of requests before it has a slice all the same, milliseconds: work that
 * holds nothing, and work that holds the lock of a user.
 */
const PATIENCE_MS = 20
const PATIENCE_WITH_LOCK_MS = 5

interface Waiter {
  go: () => void
  /** Until when it makes room for requests, by the clock of `performance`. */
  until: number
}

let began = Number.NEGATIVE_INFINITY
let requests = 0
let isArmed = false
let timer: NodeJS.Timeout | undefined
const line: Waiter[] = []

/**
 * Called between the steps of long work, such as learning from a batch of turns, so that others have their turn
 * meanwhile. Resolves at once within the current slice, and else in a later turn of the event loop, of which each has
 * one slice, however many such works there are.
 */
export async function letOthersRun(): Promise<void> {
  await nextSlice(0)
}

/**
 * The same for work that holds nothing: as long as requests are being answered it waits for them, for some milliseconds.
 * They are over in less, and would take several times as long with a slice between each of their steps.
 */
export async function letRequestsRun(): Promise<void> {
  await nextSlice(PATIENCE_MS)
}

/** The same for work that holds what a few requests wait for: it waits for them, and not for long. */
export async function letRequestsRunBriefly(): Promise<void> {
  await nextSlice(PATIENCE_WITH_LOCK_MS)
}

/** Steps between two moments for others. */
const STEPS = 8

/**
 * What a step makes of each item, as `flatMap` has it, with moments for others in between.
 * @param pause which others those are for
 */
export async function flatMapInSlices<T, R>(
  items: readonly T[],
  step: (item: T) => R | readonly R[],
  pause: () => Promise<void> = letRequestsRun,
): Promise<R[]> {
  const all: R[] = []
  for (let at = 0; at < items.length; at += STEPS) {
    if (at > 0) await pause()
    all.push(...items.slice(at, at + STEPS).flatMap(step))
  }
  return all
}

/** A request that somebody waits for begins; to be told, once, of its end. */
export function requestBegins(): void {
  requests += 1
}

export function requestEnds(): void {
  requests -= 1
  if (requests === 0) arm()
}

async function nextSlice(patienceMs: number): Promise<void> {
  const now = performance.now()
  if (now - began < SLICE_MS && !(patienceMs > 0 && requests > 0)) return
  await new Promise<void>((go) => {
    line.push({ go, until: now + patienceMs })
    arm()
  })
}

function arm(): void {
  if (isArmed || line.length === 0) return
  clearTimeout(timer)
  const wait = Math.min(...line.map(({ until }) => until)) - performance.now()
  if (requests === 0 || wait <= 0) {
    isArmed = true
    setImmediate(begin)
  } else timer = setTimeout(begin, Math.max(1, wait))
}

function begin(): void {
  isArmed = false
  began = performance.now()
  const place = line.findIndex(({ until }) => requests === 0 || until <= began + 1)
  if (place >= 0) line.splice(place, 1)[0]?.go()
  arm()
}
