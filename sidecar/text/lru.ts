/**
 * Options of an LRU cache of at most `max` entries. The count is given as a size, because for `max` lru-cache allocates
 * memory for all entries at once, which takes milliseconds per 10,000.
 */
export function boundedTo(max: number) {
  return { maxSize: max, sizeCalculation: () => 1 }
}
