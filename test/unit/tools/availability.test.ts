import { describe, expect, it } from 'vitest'
import { Availability } from '../../../tools/shared/availability.ts'

const BASE = 'http://hippocache:8484'

function subject() {
  const time = { now: 0, isUp: false, probes: 0 }
  const timers: { at: number; callback: () => void }[] = []
  const availability = new Availability({
    now: () => time.now,
    setTimeout: (callback, ms) => {
      timers.push({ at: time.now + ms, callback })
      return {}
    },
    probe: async () => {
      time.probes++
      if (!time.isUp) throw new Error('no answer')
    },
  })
  return {
    availability,
    time,
    async pass(ms: number) {
      time.now += ms
      for (const timer of timers.filter(({ at }) => at <= time.now)) {
        timers.splice(timers.indexOf(timer), 1)
        timer.callback()
      }
      await new Promise(setImmediate)
    },
    isSuspended() {
      try {
        availability.assertAvailable(BASE)
        return false
      } catch (error) {
        return String(error)
      }
    },
  }
}

describe('Availability', () => {
  it('suspends calls after two timeouts in a row', () => {
    const { availability, isSuspended } = subject()
    availability.timedOut(BASE)
    expect(isSuspended()).toBe(false)
    availability.answered(BASE)
    availability.timedOut(BASE)
    expect(isSuspended()).toBe(false)
    availability.timedOut(BASE)
    expect(isSuspended()).toContain('did not answer 2 calls in a row')
    expect(isSuspended()).toContain('15 s')
  })

  it('suspends no other sidecar', () => {
    const { availability } = subject()
    availability.timedOut(BASE)
    availability.timedOut(BASE)
    expect(() => availability.assertAvailable('http://other:8484')).not.toThrow()
  })

  it('resumes when a probe in the background succeeds, which is tried every 15 seconds', async () => {
    const { availability, time, pass, isSuspended } = subject()
    availability.timedOut(BASE)
    availability.timedOut(BASE)
    await pass(14_999)
    expect(time.probes).toBe(0)
    await pass(1)
    expect(time.probes).toBe(1)
    expect(isSuspended()).not.toBe(false)
    time.isUp = true
    await pass(15_000)
    expect(time.probes).toBe(2)
    expect(isSuspended()).toBe(false)
  })

  it('suspends again only after two more timeouts', async () => {
    const { availability, time, pass, isSuspended } = subject()
    availability.timedOut(BASE)
    availability.timedOut(BASE)
    time.isUp = true
    await pass(15_000)
    availability.timedOut(BASE)
    expect(isSuspended()).toBe(false)
    availability.timedOut(BASE)
    expect(isSuspended()).not.toBe(false)
  })
})
