import { describe, expect, it } from 'vitest'
import { indexMemory, rankMemories } from '../../../bench/lib/rank-memories.ts'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'

/** Facts as a model writes them. Their verbs are also plurals of nouns: lives, leaves. */
const FACTS = [
  'Ada has a cat called Biscuit.',
  'Ada lives in Porto.',
  'Ada leaves the office at four.',
  'Ada eats no meat.',
]

const QUESTIONS: [question: string, answer: string][] = [
  ['Where does Ada live?', 'Ada lives in Porto.'],
  ['When does Ada leave work?', 'Ada leaves the office at four.'],
  ['Does Ada eat meat?', 'Ada eats no meat.'],
]

describe('facts in the third person', () => {
  it.each(QUESTIONS)('are found by the question "%s"', async (question, answer) => {
    const embedder = lexicalEmbedder()
    const [query, ...dense] = await embedder.embed([question, ...FACTS], 'document')
    const index = FACTS.map((text, i) =>
      indexMemory({
        id: text,
        text,
        speaker: 'Ada',
        role: 'user',
        conversationId: 'c',
        turn: i + 1,
        ordinal: 0,
        at: i,
        dense: dense[i],
      }),
    )
    expect(rankMemories(index, question, { dense: query as Float32Array })[0]?.id).toBe(answer)
  })
})
