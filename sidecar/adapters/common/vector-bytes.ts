/** 32-bit floats in the byte order of the machine, which is little-endian on every supported platform. */
export function denseToBytes({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

export function denseFromBytes(bytes: Uint8Array): Float32Array {
  // Copied, because a Float32Array needs its bytes aligned to four.
  return new Float32Array(new Uint8Array(bytes).buffer)
}
