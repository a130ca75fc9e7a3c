import { denseFromBytes, denseToBytes } from '../../common/vector-bytes.ts'

/**
 * A vector that is mostly zeros: its length, one bit per number that is not zero, and those numbers. One byte longer than
 * a multiple of four, which unpacked vectors never are. Other vectors stay unpacked.
 */
export function packedToBytes(vector: Float32Array): Uint8Array {
  const plain = denseToBytes(vector)
  const numbers = new Uint32Array(plain.buffer, plain.byteOffset, vector.length)
  let end = 1 + Math.ceil(numbers.length / 32)
  const packed = new Uint32Array(end + numbers.length)
  packed[0] = numbers.length
  numbers.forEach((number, i) => {
    if (number === 0) return
    const word = 1 + (i >>> 5)
    packed[word] = (packed[word] as number) | (1 << (i & 31))
    packed[end++] = number
  })
  if (4 * end + 1 >= plain.length) return plain
  return new Uint8Array(packed.buffer, 0, 4 * end + 1)
}

export function packedFromBytes(bytes: Uint8Array): Float32Array {
  if (bytes.length % 4 === 0) return denseFromBytes(bytes)
  const packed = new Uint32Array(new Uint8Array(bytes).buffer, 0, (bytes.length - 1) / 4)
  const length = packed[0] as number
  const numbers = new Uint32Array(length)
  let at = 1 + Math.ceil(length / 32)
  for (let i = 0; i < length; i++) {
    const word = packed[1 + (i >>> 5)] as number
    if ((word >>> (i & 31)) & 1) numbers[i] = packed[at++] as number
  }
  return new Float32Array(numbers.buffer)
}

/** Dot product of a stored vector with a query; 0 if their lengths differ. */
export function dotProduct(bytes: Uint8Array, query: Float32Array): number {
  let sum = 0
  if (bytes.length % 4 === 0) {
    if (bytes.length !== 4 * query.length) return 0
    const vector = wordsOf(bytes, Float32Array)
    for (let i = 0; i < query.length; i++) sum += (vector[i] as number) * (query[i] as number)
    return sum
  }
  const words = wordsOf(bytes.subarray(0, bytes.length - 1), Uint32Array)
  if (words[0] !== query.length) return 0
  const numbers = new Float32Array(words.buffer, words.byteOffset, words.length)
  const head = 1 + Math.ceil(query.length / 32)
  let at = head
  for (let word = 1; word < head; word++) {
    for (let bits = words[word] as number; bits !== 0; bits &= bits - 1) {
      const i = 32 * (word - 1) + 31 - Math.clz32(bits & -bits)
      sum += (numbers[at++] as number) * (query[i] as number)
    }
  }
  return sum
}

/** A view of the bytes, or a copy where they are not aligned to four. */
export function wordsOf<T extends Float32Array | Uint32Array>(
  bytes: Uint8Array,
  View: new (buffer: ArrayBufferLike, offset: number, length: number) => T,
): T {
  const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes)
  return new View(buffer, byteOffset, length / 4)
}
