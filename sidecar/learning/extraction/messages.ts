import { removeRecalled } from '../../text/recalled.ts'
import { normalise } from '../../text/terms/normalise.ts'
import type { ExtractionBatch, ExtractMessage, FactSource } from './types.ts'

/** A message of the batch as shown to the model: with a number to cite it by. */
export interface NumberedMessage {
  /** From 1. */
  number: number
  role: 'user' | 'assistant'
  speaker: string
  /** Without recalled memories. */
  text: string
  at: number
  source: FactSource
}

/**
 * Numbers the messages in the order of the conversation. System messages are left out because they are instructions to
 * the app; so are messages that are empty without their recalled memories.
 */
export function numberMessages(batch: ExtractionBatch, recalled: readonly string[] = []): NumberedMessage[] {
  const numbered: NumberedMessage[] = []
  for (const { turnId, messages } of batch.turns) {
    for (const [ordinal, message] of messages.entries()) {
      if (message.role === 'system') continue
      const text = removeRecalled(message.content, recalled).trim()
      if (text === '') continue
      const { role, at } = message
      const number = numbered.length + 1
      numbered.push({ number, role, speaker: speakerOf(message), text, at, source: { turnId, ordinal } })
    }
  }
  return numbered
}

export function speakerOf({ name, role }: ExtractMessage): string {
  return name?.trim() || role
}

/** What a statement of the answer says about its origin. */
export interface Citation {
  numbers: readonly number[]
  speaker: string
  text: string
}

/**
 * Finds the messages that a statement comes from, of the roles that are remembered. A statement without a valid
 * citation gets all messages of its speaker: the one that the answer names, else a name at the start of the text,
 * else any. `note` reports each correction.
 */
export function resolveSources(
  { numbers, speaker, text }: Citation,
  batch: ExtractionBatch,
  numbered: readonly NumberedMessage[],
  note: (what: string) => void,
): NumberedMessage[] {
  const { remember } = batch.rules
  const isRemembered = ({ role }: NumberedMessage) => remember === 'both' || remember === role
  const cited = numbered.filter(({ number }) => numbers.includes(number))
  if (new Set(numbers).size > cited.length) note('statements cite messages that do not exist')
  if (cited.length > 0) return cited.filter(isRemembered)
  note('statements have all messages of their speaker as source')
  const named = normalise(speaker)
  const bySpeaker = numbered.filter(
    (one) => named !== '' && (normalise(one.speaker) === named || one.role === named),
  )
  const inText = numbered.filter(
    (one) => one.speaker !== one.role && normalise(text).startsWith(normalise(one.speaker)),
  )
  const [messages = []] = [bySpeaker, inText, numbered].filter((list) => list.length > 0)
  return messages.filter(isRemembered)
}
