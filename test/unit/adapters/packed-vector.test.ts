import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packedFromBytes, packedToBytes } from '../../../sidecar/adapters/sqlite/search/packed-vector.ts'

const number = fc.float({ noNaN: true })
const sparse = fc.array(fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, number), { maxLength: 400 })
const vectors = fc.oneof(sparse, fc.array(number, { maxLength: 100 })).map((all) => Float32Array.from(all))

describe('packed vector bytes', () => {
  it('decode to the same vector at any byte offset', () => {
    fc.assert(
      fc.property(vectors, fc.nat(7), (vector, offset) => {
        const bytes = packedToBytes(vector)
        const moved = new Uint8Array(offset + bytes.length)
        moved.set(bytes, offset)
        expect(packedFromBytes(moved.subarray(offset))).toEqual(vector)
      }),
    )
  })

  it('are never larger than the floats, and much smaller for mostly zeros', () => {
    fc.assert(fc.property(vectors, (vector) => packedToBytes(vector).length <= 4 * vector.length))
    const hashed = new Float32Array(384).fill(0.5, 100, 135)
    expect(packedToBytes(hashed)).toHaveLength(4 * (1 + 12 + 35) + 1)
  })

  it('are the plain floats for a vector without zeros, as in earlier versions', () => {
    const vector = Float32Array.of(0.25, -1, 3)
    expect(packedToBytes(vector)).toEqual(new Uint8Array(vector.buffer))
  })
})
