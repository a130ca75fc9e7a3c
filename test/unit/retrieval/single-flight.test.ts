import { describe, expect, it } from 'vitest'
import { SingleFlight } from '../../../sidecar/retrieval/single-flight.ts'

describe('single flight', () => {
  it('shares one run among calls that wait for the running one', async () => {
    const runs = new SingleFlight<number>()
    let begun = 0
    const gates: PromiseWithResolvers<void>[] = []
    const task = async () => {
      begun += 1
      const mine = begun
      const gate = Promise.withResolvers<void>()
      gates.push(gate)
      await gate.promise
      return mine
    }
    const first = [runs.run('a', task), runs.run('a', task)]
    await Promise.resolve()
    expect(begun).toBe(1)
    const second = [runs.run('a', task), runs.run('a', task)]
    const other = runs.run('b', task)
    await new Promise(setImmediate)
    expect(begun).toBe(2)
    gates[0]?.resolve()
    expect(await Promise.all(first)).toEqual([1, 1])
    await new Promise(setImmediate)
    expect(begun).toBe(3)
    for (const gate of gates) gate.resolve()
    expect(await Promise.all(second)).toEqual([3, 3])
    expect(await other).toBe(2)
  })

  it('continues after a failed run', async () => {
    const runs = new SingleFlight<string>()
    const failing = runs.run('a', () => Promise.reject(new Error('no')))
    await expect(failing).rejects.toThrow('no')
    expect(await runs.run('a', async () => 'yes')).toBe('yes')
  })
})
