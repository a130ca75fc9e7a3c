import type { Source } from './memory.ts'

const MAX_SOURCES = 32

/** Sources oldest first, at most `MAX_SOURCES`: the first and the latest. */
export function boundSources(sources: readonly Source[]): Source[] {
  const sorted = sources.toSorted((a, b) => a.at - b.at)
  if (sorted.length > MAX_SOURCES) sorted.splice(1, sorted.length - MAX_SOURCES)
  return sorted
}
