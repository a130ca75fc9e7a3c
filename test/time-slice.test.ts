import { describe, expect, it } from 'vitest'
import {
  flatMapInSlices,
  letOthersRun,
  letRequestsRun,
  letRequestsRunBriefly,
  requestBegins,
  requestEnds,
} from '../sidecar/time-slice.ts'

/** Keeps the event loop longer than a slice is. */
function busy(): void {
  const until = performance.now() + 3
  while (performance.now() < until);
}

describe('work in slices', () => {
  it('lets others run between its steps', async () => {
    let turns = 0
    let isOver = false
    const others = (async () => {
      for (; !isOver; turns++) await new Promise((resolve) => setImmediate(resolve))
    })()
    for (let step = 0; step < 20; step++) {
      await letOthersRun()
      busy()
    }
    isOver = true
    await others
    expect(turns).toBeGreaterThanOrEqual(19)
  })

  it('has one slice in each turn of the event loop, however many works there are, and each its share', async () => {
    const steps: { work: number; turn: number }[] = []
    let turn = 0
    let isOver = false
    const clock = (async () => {
      for (; !isOver; turn++) await new Promise((resolve) => setImmediate(resolve))
    })()
    const works = [0, 1, 2].map(async (work) => {
      for (let step = 0; step < 5; step++) {
        await letOthersRun()
        steps.push({ work, turn })
        busy()
      }
    })
    await Promise.all(works)
    isOver = true
    await clock
    const later = steps.slice(1)
    expect(new Set(later.map((step) => step.turn)).size).toBe(later.length)
    for (const work of [0, 1, 2])
      expect(steps.slice(0, 9).filter((step) => step.work === work)).toHaveLength(3)
  })

  it('makes room for requests until they are answered, and goes on at once', async () => {
    const order: string[] = []
    requestBegins()
    const patient = letRequestsRun().then(() => order.push('patient'))
    // Whoever holds what a request waits for does not wait for it.
    await letOthersRun().then(() => order.push('holder'))
    for (let i = 0; i < 3; i++) await new Promise((done) => setImmediate(done))
    order.push('answered')
    requestEnds()
    await patient
    expect(order).toEqual(['holder', 'answered', 'patient'])
  })

  it('that holds a lock makes room as well, and has its turn before work that holds none', async () => {
    const order: string[] = []
    requestBegins()
    const patient = letRequestsRun().then(() => order.push('patient'))
    const holder = letRequestsRunBriefly().then(() => order.push('holder'))
    for (let i = 0; i < 3; i++) await new Promise((done) => setImmediate(done))
    order.push('elsewhere')
    await Promise.all([holder, patient])
    requestEnds()
    expect(order).toEqual(['elsewhere', 'holder', 'patient'])
  })

  it('maps a long list with moments for others in between, in its order', async () => {
    const items = Array.from({ length: 50 }, (_, i) => i)
    let turns = 0
    let isOver = false
    const others = (async () => {
      for (; !isOver; turns++) await new Promise((resolve) => setImmediate(resolve))
    })()
    const mapped = await flatMapInSlices(items, (i) => {
      if (i % 8 === 0) busy()
      return i % 2 === 0 ? [i, -i] : []
    })
    isOver = true
    await others
    expect(mapped).toEqual(items.flatMap((i) => (i % 2 === 0 ? [i, -i] : [])))
    expect(turns).toBeGreaterThanOrEqual(6)
  })

  it('is not put off without end by requests that never stop', async () => {
    requestBegins()
    await letRequestsRun()
    await letRequestsRun()
    requestEnds()
  })
})
