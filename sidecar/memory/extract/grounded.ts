import { normalise } from '../../text/normalise.ts'
import { segment } from '../../text/segment.ts'
import { stopWordsOf } from '../../text/stop-words.ts'
import type { NumberedMessage } from './messages.ts'
import type { Fact } from './types.ts'

/**
 * Whether most of these sentences speak of the messages: they name a speaker, or share words with them. A model that
 * goes on with the conversation instead may list facts as well, about the capital of Peru.
 */
export function areAbout(facts: readonly Fact[], numbered: readonly NumberedMessage[]): boolean {
  const said = new Set(numbered.flatMap(({ text }) => wordsOf(text)))
  const names = numbered.map(({ speaker }) => normalise(speaker))
  const isAbout = ({ text }: Fact) => {
    const words = wordsOf(text)
    const known = words.filter((word) => said.has(word))
    return names.some((name) => normalise(text).includes(name)) || known.length * 3 >= words.length
  }
  return facts.filter(isAbout).length * 2 >= facts.length
}

function wordsOf(text: string): string[] {
  const small = stopWordsOf('english')
  return segment(normalise(text)).flatMap(({ text: word }) => (small.has(word) ? [] : [word]))
}
