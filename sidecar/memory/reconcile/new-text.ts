import { normaliseForDuplicate } from '../model/verbatim.ts'
import { readsAsCommand } from './commands.ts'
import { alreadySays, isInvented, keeps } from './content.ts'

export interface NewTextInput {
  /** What the model wrote; empty when it left the fact to speak for itself. */
  proposed: string
  fact: string
  /** What the memory says now. */
  old: string
}

export interface NewText {
  /** What the memory is to say; `null` when the old text says it all. */
  text: string | null
  /** Why the proposed text was not taken, where one was proposed. */
  refused?: string
}

/**
 * What an UPDATE makes of a memory. The model's text is taken only if it can be seen to hold what the fact says, in
 * the words of the fact and of the memory; else the fact speaks for itself, and nothing new is lost.
 */
export function newText({ proposed, fact, old }: NewTextInput): NewText {
  const own = alreadySays(old, fact) ? null : fact
  if (proposed === '' || same(proposed, fact)) return { text: own }
  if (same(proposed, old)) return refuse(own, 'writes back the old text')
  if (proposed.length > 2 * (fact.length + old.length) + 200) return refuse(own, 'is far too long')
  if (readsAsCommand(proposed)) return refuse(own, 'reads as a command')
  if (!keeps(proposed, fact, old)) return refuse(own, 'lost what the fact says')
  if (isInvented(proposed, [fact, old])) return refuse(own, 'says what neither fact nor memory said')
  return { text: proposed }
}

function refuse(text: string | null, why: string): NewText {
  return { text, refused: why }
}

function same(a: string, b: string): boolean {
  return normaliseForDuplicate(a) === normaliseForDuplicate(b)
}
