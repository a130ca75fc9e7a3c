import { expect, it } from 'vitest'
import { runAtOnce, runInSlices, type Steps } from '../../../sidecar/text/workers/slices.ts'

/** Counts to `steps`; each step takes a millisecond. */
function* count(steps: number): Steps<number> {
  for (let i = 0; i < steps; i++) {
    yield
    for (const until = performance.now() + 1; performance.now() < until; ) {}
  }
  return steps
}

it('lets other work of the event loop run between slices, with the same result as at once', async () => {
  let others = 0
  const interval = setInterval(() => {
    others += 1
  }, 1)
  expect(await runInSlices(count(50))).toBe(50)
  clearInterval(interval)
  expect(others).toBeGreaterThan(1)
  expect(runAtOnce(count(5))).toBe(5)
})

it('starts no further slice when it is aborted', async () => {
  const controller = new AbortController()
  setImmediate(() => controller.abort(new Error('the client has left')))
  await expect(runInSlices(count(1000), controller.signal)).rejects.toThrow('the client has left')
})
