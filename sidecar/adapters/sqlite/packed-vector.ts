import { denseFromBytes, denseToBytes } from '../common/vector-bytes.ts'

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
