import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../../bench/lib/generated-facts.ts'
import {
  type Codes,
  countCompared,
  encode,
  estimator,
} from '../../../../sidecar/adapters/sqlite/search/codes.ts'

const DIMENSIONS = 384
const random = seededRandom(1)
const vector = (dimensions = DIMENSIONS) => Float32Array.from({ length: dimensions }, () => random() - 0.5)

/** All vectors share a large component, as those of many embedders. */
const shared = vector().map((value) => 2 * value)
const vectorNear = (other: Float32Array) => vector().map((value, i) => value + (other[i] as number))

const dot = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)

function codesOf(vectors: readonly (Float32Array | undefined)[], mean: Float32Array): Codes {
  const all = vectors.map((one) => encode(one, mean))
  return {
    count: all.length,
    codes: Uint32Array.from(all.flatMap(({ bits }) => [...bits])),
    norms: Float32Array.from(all, ({ norm }) => norm),
    offsets: Float32Array.from(all, ({ offset }) => offset),
  }
}

function estimatesOf(
  query: Float32Array,
  vectors: readonly (Float32Array | undefined)[],
  removed?: Uint8Array,
) {
  const estimates = new Float64Array(vectors.length)
  estimator(query, shared)(codesOf(vectors, shared), removed, estimates)
  return estimates
}

describe('the estimates of dot products', () => {
  const topic = vectorNear(shared)
  const near = Array.from({ length: 20 }, () => topic.map((value) => value + 0.4 * (random() - 0.5)))
  const far = Array.from({ length: 2000 }, () => vectorNear(shared))

  it.each([DIMENSIONS, 40])(
    'are exact for the vector itself and its opposite, of %d numbers',
    (dimensions) => {
      const query = vector(dimensions)
      const zero = new Float32Array(dimensions)
      const estimates = new Float64Array(2)
      const opposite = query.map((value) => -value)
      estimator(query, zero)(codesOf([query, opposite], zero), undefined, estimates)
      expect(estimates[0]).toBeCloseTo(dot(query, query), 3)
      expect(estimates[1]).toBeCloseTo(-dot(query, query), 3)
    },
  )

  it('are highest for the vectors that are nearest', () => {
    const estimates = estimatesOf(topic, [...far, ...near])
    const byEstimate = [...estimates.keys()].sort(
      (a, b) => (estimates[b] as number) - (estimates[a] as number),
    )
    expect(byEstimate.slice(0, near.length).every((i) => i >= far.length)).toBe(true)
  })

  it('differ from each other as the products do', () => {
    const estimates = estimatesOf(topic, near)
    const offset = dot(topic, shared)
    for (const [i, one] of near.entries()) {
      expect((estimates[i] as number) + offset).toBeCloseTo(dot(topic, one), -1)
    }
  })

  it('are -Infinity for a record without a vector, with one of another length, and for a removed one', () => {
    const some = near[0] as Float32Array
    const estimates = estimatesOf(
      topic,
      [undefined, vector(3), some, some, shared],
      Uint8Array.of(0, 0, 1, 0, 0),
    )
    expect([...estimates].map(Number.isFinite)).toEqual([false, false, false, true, true])
  })

  it('are -Infinity for every record when the query has another length', () => {
    expect([...estimatesOf(vector(3), near)].every((one) => one === Number.NEGATIVE_INFINITY)).toBe(true)
  })
})

it('more records are compared exactly where vectors are short', () => {
  expect([1536, 256, 64].map(countCompared)).toEqual([256, 256, 1024])
})
