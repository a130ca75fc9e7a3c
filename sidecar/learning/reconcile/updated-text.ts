import { normaliseForDuplicate } from '../../text/verbatim.ts'
import { looksLikeCommand } from './commands.ts'
import { containsFact, isUnsupported, preservesFact } from './content.ts'

export interface UpdatedTextInput {
  /** The text that the model proposes; empty when the text of the fact is to be used. */
  proposed: string
  fact: string
  /** The present text of the memory. */
  old: string
}

export interface UpdatedText {
  /** The new text of the memory; `null` when the old text already contains the fact. */
  text: string | null
  /** Why the proposed text was rejected. */
  rejection?: string
}

/**
 * Chooses the text of an updated memory. The text of the model is used only if it verifiably contains the fact in words
 * of the fact and of the memory. Otherwise the text of the fact is used, so that nothing new is lost.
 */
export function chooseUpdatedText({ proposed, fact, old }: UpdatedTextInput): UpdatedText {
  const text = containsFact(old, fact) ? null : fact
  if (proposed === '' || isSame(proposed, fact)) return { text }
  if (isSame(proposed, old)) return { text, rejection: 'repeats the old text' }
  if (proposed.length > 2 * (fact.length + old.length) + 200) return { text, rejection: 'is far too long' }
  if (looksLikeCommand(proposed)) return { text, rejection: 'looks like a command' }
  if (!preservesFact(proposed, fact, old)) return { text, rejection: 'does not contain the fact' }
  if (isUnsupported(proposed, [fact, old]))
    return { text, rejection: 'states what neither fact nor memory states' }
  return { text: proposed }
}

function isSame(a: string, b: string): boolean {
  return normaliseForDuplicate(a) === normaliseForDuplicate(b)
}
