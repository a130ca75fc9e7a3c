import type { LocalTime } from '../../text/local-time.ts'
import { removeRecalled } from '../../text/recalled.ts'
import { normalise } from '../../text/terms/normalise.ts'
import type { ExtractionBatch, ExtractionRules, ExtractMessage, FactSource } from './types.ts'

/** A message of the batch as shown to the model: with a number to cite it by. */
export interface NumberedMessage extends LocalTime {
  /** From 1. */
  number: number
  role: 'user' | 'assistant'
  speaker: string
  /** Without recalled memories. */
  text: string
  source: FactSource
}

/** Numbers the messages in their order, except system messages and those that only repeat recalled memories. */
export function numberMessages({ turns }: ExtractionBatch): NumberedMessage[] {
  const numbered: NumberedMessage[] = []
  for (const { turnId, messages } of turns) {
    for (const [ordinal, message] of messages.entries()) {
      if (message.role === 'system') continue
      const text = removeRecalled(message.content).trim()
      if (text === '') continue
      const { role, at, utc_offset } = message
      const number = numbered.length + 1
      numbered.push({
        number,
        role,
        speaker: speakerOf(message),
        text,
        at,
        utc_offset,
        source: { turnId, ordinal },
      })
    }
  }
  return numbered
}

export function speakerOf({ name, role }: ExtractMessage): string {
  return name?.trim() || role
}

/**
 * Finds the source messages of a statement, of the roles that are remembered: the cited ones, else those of the speaker
 * that the answer names, else of the name at the start of the text, else all.
 */
export function resolveSources(
  { numbers, speaker, text }: { numbers: readonly number[]; speaker: string; text: string },
  { remember }: ExtractionRules,
  numbered: readonly NumberedMessage[],
): NumberedMessage[] {
  const cited = numbered.filter(({ number }) => numbers.includes(number))
  const named = normalise(speaker)
  const bySpeaker = numbered.filter(
    (one) => named !== '' && (normalise(one.speaker) === named || one.role === named),
  )
  const inText = numbered.filter(
    (one) => one.speaker !== one.role && normalise(text).startsWith(normalise(one.speaker)),
  )
  const messages = [cited, bySpeaker, inText].find((list) => list.length > 0) ?? numbered
  return messages.filter(({ role }) => remember === 'both' || remember === role)
}
