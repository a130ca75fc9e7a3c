import { packSentences, splitSentences } from '../../text/sentences.ts'
import type { ExtractMessage, ExtractTurn } from '../extract/types.ts'

/** Tokens of one batch, at the most; what is longer is read in parts, in order, and nothing of it is dropped. */
export const MAX_BATCH_TOKENS = 16_384

/** Characters of one piece of a message that is longer than a batch: in no script more tokens than a batch holds. */
const PIECE_LENGTH = 8_000

/** A share of a batch that one model call reads, with the places that its messages had in their turns. */
export interface Part {
  turns: ExtractTurn[]
  /** By turn id: the ordinal, within the turn, of each message of the part. */
  ordinals: Map<string, number[]>
}

/** Cuts turns into parts of at most `limit` tokens, between messages where that is enough and within them where not. */
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

/** Two halves of a part that was too much for the model, or `undefined` for one that is a single message. */
export function halvesOf(part: Part): [Part, Part] | undefined {
  const all = part.turns.flatMap((turn) =>
    turn.messages.map((message, i) => ({
      turn,
      message,
      ordinal: part.ordinals.get(turn.turnId)?.[i] as number,
    })),
  )
  if (all.length < 2) return undefined
  const half = (some: typeof all): Part => {
    const made: Part = { turns: [], ordinals: new Map() }
    for (const { turn, message, ordinal } of some) put(made, turn, ordinal, message)
    return made
  }
  const middle = Math.ceil(all.length / 2)
  return [half(all.slice(0, middle)), half(all.slice(middle))]
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
  if (countTokens(message.content) <= limit) return [message]
  const pieces = packSentences(splitSentences(message.content), Math.min(PIECE_LENGTH, limit))
  return pieces.map((content) => ({ ...message, content }))
}
