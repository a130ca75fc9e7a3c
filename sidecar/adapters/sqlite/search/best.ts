/** Indexes of the `limit` highest values above `floor`, in no order; among equal values, later indexes. */
export function best(values: Float64Array, limit: number, floor: number): number[] {
  const heap: number[] = []
  const valueAt = (place: number) => values[heap[place] as number] as number
  const swap = (a: number, b: number) => {
    const index = heap[a] as number
    heap[a] = heap[b] as number
    heap[b] = index
  }
  let least = limit > 0 ? floor : Number.POSITIVE_INFINITY
  for (let i = values.length - 1; i >= 0; i--) {
    const value = values[i] as number
    if (!(value > least)) continue
    if (heap.length < limit) {
      heap.push(i)
      for (let at = heap.length - 1; at > 0; ) {
        const parent = (at - 1) >>> 1
        if (valueAt(parent) <= valueAt(at)) break
        swap(at, parent)
        at = parent
      }
    } else {
      heap[0] = i
      for (let at = 0; ; ) {
        let child = 2 * at + 1
        if (child + 1 < heap.length && valueAt(child + 1) < valueAt(child)) child += 1
        if (child >= heap.length || valueAt(at) <= valueAt(child)) break
        swap(at, child)
        at = child
      }
    }
    if (heap.length === limit) least = valueAt(0)
  }
  return heap
}
