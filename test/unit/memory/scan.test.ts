import { expect, it } from 'vitest'
import { scan } from '../../../sidecar/memory/repositories/scan.ts'

it('runs four scans at once, and starts none that is aborted while it waits', async () => {
  const { promise: isOpen, resolve: open } = Promise.withResolvers<void>()
  const controller = new AbortController()
  let started = 0
  const run = (signal?: AbortSignal) =>
    scan(async () => {
      started += 1
      await isOpen
    }, signal)
  const running = Array.from({ length: 4 }, () => run())
  const waiting = Array.from({ length: 100 }, () => run(controller.signal))
  const last = run()
  expect(started).toBe(4)
  controller.abort(new Error('the client has left'))
  open()
  const settled = await Promise.allSettled(waiting)
  expect(settled.every(({ status }) => status === 'rejected')).toBe(true)
  await Promise.all([...running, last])
  expect(started).toBe(5)
})
