/** Upper bounds of the buckets, seconds. An answer out of the cache takes a fraction of a millisecond. */
export const RECALL_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

/** Flush and Add Memory may wait for a model. */
export const HTTP_SECONDS = [...RECALL_SECONDS, 5, 10, 30, 60]

export const MODEL_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]
