import { withoutRecalled } from '../model/recalled.ts'
import type { ExtractionBatch, ExtractMessage, FactSource } from './types.ts'

/** A message of the batch as the model sees it: with a number to cite it by. */
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
 * The messages to read, numbered in the order of the conversation. System messages are instructions to the app and
 * hold no facts; what is empty without its recalled memories is left out.
 */
export function numberMessages(batch: ExtractionBatch, recalled: readonly string[] = []): NumberedMessage[] {
  const numbered: NumberedMessage[] = []
  for (const { turnId, messages } of batch.turns) {
    for (const [ordinal, message] of messages.entries()) {
      if (message.role === 'system') continue
      const text = withoutRecalled(message.content, recalled).trim()
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

/** Whether facts may be taken from what this role says. */
export function mayRemember(batch: ExtractionBatch, role: 'user' | 'assistant'): boolean {
  return batch.rules.remember === 'both' || batch.rules.remember === role
}
