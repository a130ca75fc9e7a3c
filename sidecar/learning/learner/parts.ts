import { packSentences, splitSentences } from '../../text/sentences.ts'
import type { ExtractMessage, ExtractTurn } from '../extraction/types.ts'

/** Most tokens of one model call; a longer batch is read in parts, in order. */
export const MAX_BATCH_TOKENS = 16_384

/** The part of a batch that one model call reads. */
export interface Part {
  turns: ExtractTurn[]
  /** By turn id: the ordinal of each message of the part within its turn. */
  ordinals: Map<string, number[]>
}

/** Splits turns into parts of at most `limit` tokens, between messages where possible. */
export function partsOf(
  turns: readonly ExtractTurn[],
  countTokens: (text: string) => number,
  limit = MAX_BATCH_TOKENS,
): Part[] {
  const parts: Part[] = []
  let part: Part | undefined
  let used = 0
  for (const turn of turns) {
    for (const [ordinal, message] of turn.messages.entries()) {
      for (const piece of piecesOf(message, countTokens, limit)) {
        const tokens = countTokens(piece.content)
        if (!part || used + tokens > limit) {
          part = { turns: [], ordinals: new Map() }
          parts.push(part)
          used = 0
        }
        used += tokens
        put(part, turn, ordinal, piece)
      }
    }
  }
  return parts
}

/** Messages shorter than this, in UTF-16 code units, are not split. */
const MIN_CUT = 1_000

/** Halves of a part that was too large for the model; `undefined` for one short message. */
export function halvesOf(part: Part): Part[] | undefined {
  const all = part.turns.flatMap((turn) =>
    turn.messages.map((message, i) => ({
      turn,
      message,
      ordinal: part.ordinals.get(turn.turnId)?.[i] as number,
    })),
  )
  const [only] = all
  if (!only) return undefined
  const some =
    all.length > 1 || only.message.content.length < MIN_CUT
      ? all
      : cut(only.message.content).map((content) => ({ ...only, message: { ...only.message, content } }))
  if (some.length < 2) return undefined
  const half = (half: typeof all): Part => {
    const made: Part = { turns: [], ordinals: new Map() }
    for (const { turn, message, ordinal } of half) put(made, turn, ordinal, message)
    return made
  }
  const middle = Math.ceil(some.length / 2)
  return [half(some.slice(0, middle)), half(some.slice(middle))]
}

function put(part: Part, { turnId, turn }: ExtractTurn, ordinal: number, message: ExtractMessage): void {
  let own = part.turns.at(-1)
  if (own?.turnId !== turnId) {
    own = { turnId, turn, messages: [] }
    part.turns.push(own)
  }
  own.messages = [...own.messages, message]
  part.ordinals.set(turnId, [...(part.ordinals.get(turnId) ?? []), ordinal])
}

function piecesOf(
  message: ExtractMessage,
  countTokens: (text: string) => number,
  limit: number,
): ExtractMessage[] {
  if (message.content.trim() === '') return []
  return fitting(message.content, countTokens, limit).map((content) => ({ ...message, content }))
}

/** Splits a text into pieces of at most `limit` tokens, or of one character where that has more. */
function fitting(text: string, countTokens: (text: string) => number, limit: number): string[] {
  if (countTokens(text) <= limit) return [text]
  const pieces = cut(text)
  return pieces.length < 2 ? pieces : pieces.flatMap((piece) => fitting(piece, countTokens, limit))
}

/** Splits a text in two or three, at sentence or word boundaries where possible; a single character stays whole. */
function cut(text: string): string[] {
  const half = Math.ceil(text.length / 2)
  if (half >= 2) {
    const pieces = packSentences(splitSentences(text), half)
    if (pieces.length > 1) return pieces
  }
  const characters = Array.from(text)
  const middle = Math.ceil(characters.length / 2)
  return [characters.slice(0, middle).join(''), characters.slice(middle).join('')].filter((one) => one !== '')
}
