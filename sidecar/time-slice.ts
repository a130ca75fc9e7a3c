/** How long work that nobody waits for keeps the event loop, milliseconds. */
const SLICE_MS = 2

let began = Number.NEGATIVE_INFINITY
const line: (() => void)[] = []

/**
 * Called between the steps of long work, such as learning from a batch of turns, so that requests are answered
 * meanwhile. Resolves at once within the current slice, and else in a later turn of the event loop, of which each has
 * one slice, however many such works there are.
 */
export async function letOthersRun(): Promise<void> {
  if (performance.now() - began < SLICE_MS) return
  await new Promise<void>((resolve) => {
    line.push(resolve)
    if (line.length === 1) setImmediate(nextSlice)
  })
}

function nextSlice(): void {
  began = performance.now()
  line.shift()?.()
  if (line.length > 0) setImmediate(nextSlice)
}
