/** The parts of a prompt that determine its price, in o200k tokens. Order: system prompt, block, window, delta, query. */
export interface Prompt {
  /** Memory tokens: block and delta. */
  memory: number
  block: number
  /** Length of the prefix that this block shares with the previous block; `undefined` for the first prompt. */
  shared: number | undefined
  /** Delta tokens, including the line break before it. */
  delta: number
}

/**
 * How a provider bills consecutive prompts. Tokens of the prefix shared with the previous prompt cost `cached`. Under
 * `per_query` all memory is in the delta, after the prefix. Window and query cost the same under every strategy, so
 * the model ignores them; it also ignores that a window which does not slide yet belongs to the prefix.
 */
export interface PriceModel {
  /** Price of a cached prefix token; other tokens cost 1. */
  cached: number
  /** Price of a token written to the cache; 1 if writing is free. */
  written: number
  /** Whether the cache ends at explicit markers (after the system prompt and after the block), so that a changed block is not cached at all. */
  hasMarkers: boolean
  systemTokens: number
  /** Shortest prefix that is cached, tokens. */
  minPrefix: number
  /** Granularity of the cached prefix, tokens. */
  step: number
}

/** Bills the memory alone: a prefix at a tenth, writes free, no minimum, no steps. */
export const MEMORY_ONLY: PriceModel = {
  cached: 0.1,
  written: 1,
  hasMarkers: false,
  systemTokens: 0,
  minPrefix: 0,
  step: 1,
}

/** The price of system prompt and memory, in full-price tokens. */
export function priceOf({ block, shared, delta }: Omit<Prompt, 'memory'>, model: PriceModel): number {
  const { cached, written, hasMarkers, systemTokens, minPrefix, step } = model
  const cacheable = systemTokens + block
  const unchanged = shared === undefined ? 0 : systemTokens + (hasMarkers && shared < block ? 0 : shared)
  const rounded = Math.floor(unchanged / step) * step
  const prefix = rounded < minPrefix ? 0 : rounded
  const isWritten = cacheable >= minPrefix
  return cached * prefix + (isWritten ? written : 1) * (cacheable - prefix) + delta
}
