/** How long work that nobody waits for keeps the event loop, milliseconds. */
const SLICE_MS = 2

/** How long such work is put off for the sake of requests before it has a slice all the same, milliseconds. */
const PATIENCE_MS = 20

interface Waiter {
  go: () => void
  /** Whether it makes room for requests; not whoever holds what they wait for. */
  isPatient: boolean
  since: number
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
  await nextSlice(false)
}

/**
 * The same for work that holds nothing: as long as requests are being answered it waits for them, for some milliseconds.
 * They are over in less, and would take several times as long with a slice between each of their steps.
 */
export async function letRequestsRun(): Promise<void> {
  await nextSlice(true)
}

/** A request that somebody waits for begins; to be told, once, of its end. */
export function requestBegins(): void {
  requests += 1
}

export function requestEnds(): void {
  requests -= 1
  if (requests === 0) arm()
}

async function nextSlice(isPatient: boolean): Promise<void> {
  const since = performance.now()
  if (since - began < SLICE_MS && !(isPatient && requests > 0)) return
  await new Promise<void>((go) => {
    line.push({ go, isPatient, since })
    arm()
  })
}

function arm(): void {
  if (isArmed || line.length === 0) return
  clearTimeout(timer)
  const [first] = line
  if (requests === 0 || line.some(({ isPatient }) => !isPatient)) {
    isArmed = true
    setImmediate(begin)
  } else if (first) {
    timer = setTimeout(begin, Math.max(1, first.since + PATIENCE_MS - performance.now()))
  }
}

function begin(): void {
  isArmed = false
  began = performance.now()
  const isDue = ({ isPatient, since }: Waiter) =>
    requests === 0 || !isPatient || since + PATIENCE_MS <= began + 1
  const place = line.findIndex(isDue)
  if (place >= 0) line.splice(place, 1)[0]?.go()
  arm()
}
