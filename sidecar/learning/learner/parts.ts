import { splitPieces } from '../../text/verbatim/pieces.ts'
import type { ExtractMessage, ExtractTurn } from '../extraction/types.ts'

/** Most tokens of one model call; a longer batch is read in parts, in order. */
export const MAX_BATCH_TOKENS = 16_384

/** A message of a batch, or a section of a long one. */
export interface Piece {
  turn: Pick<ExtractTurn, 'turnId' | 'turn'>
  /** Position of the message in its turn. */
  ordinal: number
  message: ExtractMessage
}

/** Splits turns into parts of at most `limit` tokens, between messages where possible. */
export function partsOf(
  turns: readonly ExtractTurn[],
  countTokens: (text: string) => number,
  limit = MAX_BATCH_TOKENS,
): Piece[][] {
  const parts: Piece[][] = []
  let used = Number.POSITIVE_INFINITY
  for (const turn of turns) {
    for (const [ordinal, message] of turn.messages.entries()) {
      if (message.content.trim() === '') continue
      for (const content of fitting(message.content, countTokens, limit)) {
        const tokens = countTokens(content)
        if (used + tokens > limit) {
          parts.push([])
          used = 0
        }
        used += tokens
        parts.at(-1)?.push({ turn, ordinal, message: { ...message, content } })
      }
    }
  }
  return parts
}

/** Messages shorter than this, in UTF-16 code units, are not split. */
const MIN_CUT = 1_000

/** Halves of a part that was too large for the model; `undefined` for one short message. */
export function halvesOf(part: readonly Piece[]): Piece[][] | undefined {
  const [first] = part
  const content = first?.message.content ?? ''
  const pieces =
    first && part.length === 1 && content.length >= MIN_CUT
      ? cut(content).map((section) => ({ ...first, message: { ...first.message, content: section } }))
      : part
  if (pieces.length < 2) return undefined
  const middle = Math.ceil(pieces.length / 2)
  return [pieces.slice(0, middle), pieces.slice(middle)]
}

/** The turns of a part. Each piece counts as a message of its turn. */
export function turnsIn(part: readonly Piece[]): ExtractTurn[] {
  return [...Map.groupBy(part, ({ turn }) => turn.turnId).values()].map((pieces) => {
    const { turnId, turn } = (pieces[0] as Piece).turn
    return { turnId, turn, messages: pieces.map(({ message }) => message) }
  })
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
    const pieces = splitPieces(text, half)
    if (pieces.length > 1) return pieces
  }
  const characters = Array.from(text)
  const middle = Math.ceil(characters.length / 2)
  return [characters.slice(0, middle).join(''), characters.slice(middle).join('')].filter((one) => one !== '')
}
