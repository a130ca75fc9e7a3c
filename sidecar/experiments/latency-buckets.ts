/** Adds a recall to a `UnitSummary.latency`, whose buckets ascend. */
export function countRecall(latency: number[], bucket: number): void {
  let i = 0
  while ((latency[i] ?? bucket) < bucket) i += 2
  if (latency[i] === bucket) latency[i + 1] = (latency[i + 1] ?? 0) + 1
  else latency.splice(i, 0, bucket, 1)
}

/** The recalls by bucket, as earlier versions stored them, as a `UnitSummary.latency`. */
export function toBuckets(latency: Readonly<Record<string, number>>): number[] {
  return Object.entries(latency).flatMap(([bucket, turns]) => [Number(bucket), turns])
}
