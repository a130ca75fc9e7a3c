/** Takes consecutive views of an array, each after the one before. */
export function slicer(all: Uint8Array): (length: number) => Uint8Array
export function slicer(all: Uint32Array): (length: number) => Uint32Array
export function slicer(all: Uint8Array | Uint32Array) {
  let at = 0
  return (length: number) => {
    at += length
    return all.subarray(at - length, at)
  }
}
