import type { AppRules } from '../../memory/rules/rules.ts'
import { type ExtractOptions, extract } from '../extraction/extract.ts'
import type { Extraction, ExtractionBatch, ExtractionOutcome, FactSource } from '../extraction/types.ts'
import { isRefusal, Unreadable } from './outcome.ts'
import { halvesOf, type Piece, partsOf, turnsIn } from './parts.ts'
import { type Batch, RECENT_MESSAGES, toExtractTurn } from './read-batch.ts'

export interface ReadOptions extends ExtractOptions {
  countTokens: (text: string) => number
}

/**
 * Extracts the facts of a batch, in as many model calls as its size needs.
 * @throws {Unreadable | ModelUnavailable}
 */
export async function readFacts(batch: Batch, rules: AppRules, options: ReadOptions): Promise<Extraction> {
  const summary = batch.conversation?.summary ?? ''
  const whole: Extraction = { facts: [], entities: [], relations: [], summary }
  const extractionRules = { ...rules, remember: batch.turns[0]?.remember ?? rules.remember }
  const queue = partsOf(batch.turns.map(toExtractTurn), options.countTokens)
  let { recent } = batch
  for (let part = queue.shift(); part; part = queue.shift()) {
    const input = { summary: whole.summary, recent, turns: turnsIn(part), rules: extractionRules }
    const outcome = await ask(input, options)
    const isTooLarge = outcome.status === 'unreadable' && SPLIT_REASONS.has(outcome.reason)
    const halves = isTooLarge ? halvesOf(part) : undefined
    if (halves) {
      queue.unshift(...halves)
      continue
    }
    // A part that cannot be split would be truncated again: its complete facts are better than none.
    if (outcome.status === 'read') append(whole, outcome.extraction, part)
    else if (outcome.partial) append(whole, outcome.partial, part)
    else throw new Unreadable(outcome.reason, outcome.detail)
    recent = part.map(({ message }) => message).slice(-RECENT_MESSAGES)
  }
  return whole
}

type Read =
  | Extract<ExtractionOutcome, { status: 'read' }>
  | { status: 'unreadable'; reason: string; detail: string; partial?: Extraction | undefined }

async function ask(batch: ExtractionBatch, { model, account, signal }: ReadOptions): Promise<Read> {
  try {
    return await extract(batch, { model, account, signal })
  } catch (error) {
    // The request may have been too long; endpoints have no common status for that.
    if (isRefusal(error)) return { status: 'unreadable', reason: 'request_refused', detail: error.message }
    throw error
  }
}

/** Reasons for which a smaller part may succeed. */
const SPLIT_REASONS: ReadonlySet<string> = new Set(['truncated', 'too_large', 'request_refused'])

function append(whole: Extraction, read: Extraction, part: readonly Piece[]): void {
  const pieces = Map.groupBy(part, ({ turn }) => turn.turnId)
  const inTurn = <T extends { source: FactSource[] }>(one: T): T => ({
    ...one,
    source: one.source.map(({ turnId, ordinal }) => ({
      turnId,
      ordinal: pieces.get(turnId)?.[ordinal]?.ordinal ?? ordinal,
    })),
  })
  whole.facts.push(...read.facts.map(inTurn))
  whole.relations.push(...read.relations.map(inTurn))
  whole.entities.push(...read.entities)
  whole.summary = read.summary
}
