import { z } from 'zod'
import { derivedId, scopeKey } from '../../memory/model/scope.ts'
import { recordsOf } from '../../memory/repositories/record.ts'
import type { Write } from '../../ports/records.ts'
import { cacheReport, STRATEGIES } from '../../retrieval/strategies/request.ts'
import type { Answered } from '../../retrieval/strategies/strategies.ts'

const turnRanges = z.array(z.tuple([z.number(), z.number()]))

/** One recall of a turn, as stored: ids, constants and numbers, never user text. */
const timelineRow = z.object({
  /** Start of the recall, epoch milliseconds. */
  at: z.number(),
  turn: z.number(),
  /** `null` if the request had none; the window then shows no turn. */
  window_size: z.number().nullable(),
  strategy: z.enum(STRATEGIES),
  /** `experiment/arm`; `null` without an experiment. Rows of earlier versions lack it. */
  arm: z.string().nullable().default(null),
  cache: cacheReport,
  watermark: z.number().nullable(),
  /** o200k tokens of block and delta. */
  tokens: z.number(),
  memories: z.number(),
  /** Memories of the block, of a recall that built it; absent for one that was served an earlier block. */
  block_ids: z.array(z.string()).optional(),
  /** Memories found for the query of this turn. */
  delta_ids: z.array(z.string()).optional(),
  degraded: z.array(z.string()),
  took_ms: z.number(),
  /** Turns that the context could include; `null` if the context was not built from memories of the conversation. */
  known: z
    .object({
      at: z.number(),
      turns: turnRanges.optional(),
      pending: turnRanges.optional(),
      from: z.number().optional(),
    })
    .nullable(),
})

export type TimelineRow = z.output<typeof timelineRow>

/** A row with its place in the store. */
export interface KeyedRow {
  /** Rows with the same id overwrite each other. Hashed only on write, to keep recalls fast. */
  id: string
  /** Of the user. */
  scope: string
  conversationId: string
  row: TimelineRow
}

export const timelineRows = recordsOf('timeline', timelineRow)

/** Scope of the rows of a conversation. Cannot collide with the scope of a user, which contains one slash only. */
export function rowsScope(scope: string, conversationId: string): string {
  return `${scope}/${markerId(conversationId)}`
}

/** Id of the record, in the scope of the user, that marks a conversation as having rows. */
export function markerId(conversationId: string): string {
  return derivedId('timeline', conversationId)
}

/** Returns `undefined` for a recall without a conversation or turn. */
export function toKeyedRow({ scope, request, result, at }: Answered): KeyedRow | undefined {
  const { conversationId, turn, windowSize, arm } = request
  if (conversationId === undefined || turn === undefined) return undefined
  const { strategy, cache, watermark = null, tokens, memories, degraded, coverage = null, tookMs } = result
  const key = scopeKey(scope)
  // Identical results for the same turn share one row, so that retries do not fill the timeline.
  const builtAt = cache.result === 'none' ? 0 : (coverage?.at ?? 0)
  const same = [turn, windowSize, strategy, cache.result, cache.reason, cache.block_hash, builtAt, degraded]
  if (arm !== undefined) same.push(arm)
  return {
    id: JSON.stringify([key, conversationId, ...same]),
    scope: key,
    conversationId,
    row: {
      at,
      turn,
      window_size: windowSize ?? null,
      strategy,
      arm: arm ?? null,
      cache,
      watermark,
      tokens,
      memories: memories.length,
      ...listMemories(result),
      degraded,
      took_ms: Math.round(tookMs.total),
      known: coverage as TimelineRow['known'],
    },
  }
}

/** Most ids of a block in a row. */
const MAX_BLOCK_IDS = 200

function listMemories({ block, blockSize, memories, cache }: Answered['result']) {
  const ids = memories.map(({ memory }) => memory.id)
  const size = block === '' ? 0 : (blockSize ?? ids.length)
  return {
    ...(cache.result === 'miss' && { block_ids: ids.slice(0, Math.min(size, MAX_BLOCK_IDS)) }),
    ...(ids.length > size && { delta_ids: ids.slice(size) }),
  }
}

export function toWrite(keyed: KeyedRow): Write {
  const { scope, conversationId, row } = keyed
  return timelineRows.put(rowsScope(scope, conversationId), recordId(keyed), row.turn, row)
}

/** A record that marks a conversation as having rows, so that all rows of a user can be found. */
export function toMarker({ scope, conversationId }: KeyedRow): Write {
  return timelineRows.put(scope, markerId(conversationId), 0, { conversation_id: conversationId })
}

export function recordId({ id }: KeyedRow): string {
  return derivedId('timeline row', id)
}
