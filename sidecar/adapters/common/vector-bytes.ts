import type { SparseVector } from '../../ports/records.ts'

/** 32-bit floats, little-endian on every machine that runs this. */
export function denseToBytes({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

export function denseFromBytes(bytes: Uint8Array): Float32Array {
  // A copy: a Float32Array needs its bytes aligned to four, which a blob's or a pooled buffer does not promise.
  return new Float32Array(new Uint8Array(bytes).buffer)
}

/**
 * A vector of which most numbers are zero, as those of hashed words are, in a fraction of the bytes: how many numbers
 * there are, a bit for each that is not zero, and those. One byte more than a multiple of four, which plain ones never
 * have. Other vectors stay as they are.
 */
export function packedToBytes(vector: Float32Array): Uint8Array {
  const plain = denseToBytes(vector)
  const bits = new Uint32Array(plain.buffer, plain.byteOffset, vector.length)
  // By index: an iterator makes an object of each number, and those of all vectors were a third of all garbage.
  let count = 0
  for (let i = 0; i < bits.length; i++) if (bits[i] !== 0) count += 1
  const words = 1 + Math.ceil(vector.length / 32)
  if (4 * (words + count) + 1 >= plain.length) return plain
  const bytes = new Uint8Array(4 * (words + count) + 1)
  const packed = new Uint32Array(bytes.buffer, 0, words + count)
  packed[0] = vector.length
  let at = words
  for (let i = 0; i < bits.length; i++) {
    const one = bits[i] as number
    if (one === 0) continue
    const word = 1 + (i >>> 5)
    packed[word] = (packed[word] as number) | (1 << (i & 31))
    packed[at++] = one
  }
  return bytes
}

export function packedFromBytes(bytes: Uint8Array): Float32Array {
  if (bytes.length % 4 === 0) return denseFromBytes(bytes)
  const packed = new Uint32Array(new Uint8Array(bytes).buffer, 0, (bytes.length - 1) / 4)
  const length = packed[0] as number
  const vector = new Float32Array(length)
  const bits = new Uint32Array(vector.buffer)
  let at = 1 + Math.ceil(length / 32)
  for (let first = 0; first < length; first += 32) {
    // From the lowest bit that is set to the next.
    for (let left = packed[1 + (first >>> 5)] as number; left !== 0; left &= left - 1) {
      bits[first + 31 - Math.clz32(left & -left)] = packed[at++] as number
    }
  }
  return vector
}

/** All indices, then all values. */
export function sparseToBytes({ indices, values }: SparseVector): Uint8Array {
  const bytes = new Uint8Array(indices.length * 8)
  new Uint32Array(bytes.buffer, 0, indices.length).set(indices)
  new Float32Array(bytes.buffer, indices.length * 4).set(values)
  return bytes
}

export function sparseFromBytes(bytes: Uint8Array): SparseVector {
  const { buffer } = new Uint8Array(bytes)
  const length = bytes.length / 8
  return { indices: new Uint32Array(buffer, 0, length), values: new Float32Array(buffer, length * 4) }
}
