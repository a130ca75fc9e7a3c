import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chooseArm, isShadowTurn } from '../../../../sidecar/experiments/online/assignment.ts'

const arms = (...weights: number[]) =>
  weights.map((weight, i) => ({ name: `arm${i}`, weight, strategy: 'cached' as const }))

/** Five standard deviations of a share: exceeded by chance less than once in a million tests. */
const tolerance = (share: number, n: number) => 5 * Math.sqrt((share * (1 - share)) / n)

describe('chooseArm', () => {
  it('gives each arm its share of the units, for any weights and salt', () => {
    const units = 4000
    fc.assert(
      fc.property(
        fc.uuid(),
        fc.array(fc.double({ min: 0.01, max: 1000, noNaN: true }), { minLength: 2, maxLength: 10 }),
        (salt, weights) => {
          const counts = new Map<string, number>()
          for (let i = 0; i < units; i++) {
            const { name } = chooseArm({ salt, arms: arms(...weights) }, `unit ${i}`)
            counts.set(name, (counts.get(name) ?? 0) + 1)
          }
          const total = weights.reduce((sum, weight) => sum + weight, 0)
          for (const [i, weight] of weights.entries()) {
            const share = weight / total
            const actual = (counts.get(`arm${i}`) ?? 0) / units
            expect(Math.abs(actual - share)).toBeLessThanOrEqual(tolerance(share, units) + 3 / units)
          }
        },
      ),
      { numRuns: 30, seed: 16 },
    )
  })

  it('assigns a unit independently in experiments with different salts', () => {
    const both = [0, 0, 0, 0]
    for (let i = 0; i < 4000; i++) {
      const [a, b] = ['one', 'two'].map((salt) => chooseArm({ salt, arms: arms(1, 1) }, `unit ${i}`).name)
      const cell = (a === 'arm0' ? 0 : 2) + (b === 'arm0' ? 0 : 1)
      both[cell] = (both[cell] ?? 0) + 1
    }
    for (const count of both) expect(Math.abs(count / 4000 - 0.25)).toBeLessThan(tolerance(0.25, 4000))
  })

  it('is deterministic', () => {
    expect(chooseArm({ salt: 's', arms: arms(1, 2, 3) }, 'u')).toEqual(
      chooseArm({ salt: 's', arms: arms(1, 2, 3) }, 'u'),
    )
  })
})

describe('isShadowTurn', () => {
  it.each([0, 0.1, 0.5, 1])('selects a share of %d of the turns', (shadow_share) => {
    let count = 0
    for (let i = 0; i < 4000; i++) {
      if (isShadowTurn({ salt: 's', shadow_share }, `unit ${i % 50}`, String(i))) count += 1
    }
    expect(Math.abs(count / 4000 - shadow_share)).toBeLessThanOrEqual(tolerance(shadow_share, 4000))
  })
})
