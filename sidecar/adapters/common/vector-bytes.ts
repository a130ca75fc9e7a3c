import type { SparseVector } from '../../ports/records.ts'

/** 32-bit floats in the byte order of the machine, which is little-endian on every supported platform. */
export function denseToBytes({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

export function denseFromBytes(bytes: Uint8Array): Float32Array {
  // Copied, because a Float32Array needs its bytes aligned to four.
  return new Float32Array(new Uint8Array(bytes).buffer)
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
