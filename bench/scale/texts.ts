import { seededRandom } from '../lib/generated-facts.ts'

/** Length of an embedding. */
export const DIMENSIONS = 384

const VOCABULARY = 50_000
/** The most common words are rare enough that no stop word is among them. */
const FIRST_RANK = 50
const WORDS = 20
const ASKED_WORDS = 3
const OTHER_WORDS = 3
const SYLLABLES = 'ba ce di fo gu ha ke li mo nu pa re si to vu wa ye zi lo ma ne ri sa te'.split(' ')

/** An invented word, the same for the same rank. */
function wordOf(rank: number): string {
  let word = ''
  for (let rest = rank + SYLLABLES.length; rest > 0; rest = Math.floor(rest / SYLLABLES.length)) {
    word += SYLLABLES[rest % SYLLABLES.length]
  }
  return `${word}n`
}

export interface Said {
  text: string
  /** Some of its words, and others. */
  question: string
}

/** What is said as the memory of this number: words with frequencies inversely proportional to their rank. */
export function saidAs(number: number): Said {
  const random = seededRandom(number + 1)
  const word = () => wordOf(Math.floor(FIRST_RANK * (VOCABULARY / FIRST_RANK) ** random()))
  const words = Array.from({ length: WORDS }, word)
  const asked = [...words.slice(0, ASKED_WORDS), ...Array.from({ length: OTHER_WORDS }, word)]
  return { text: `Today I saw ${words.join(' ')}.`, question: `What did I see with ${asked.join(' ')}?` }
}
