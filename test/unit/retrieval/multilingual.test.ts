import { describe, expect, it } from 'vitest'
import { FIXTURES, type Fixture } from './fixtures/multilingual.ts'
import { indexOf, memoryOf, search } from './helpers.ts'

const memoriesOf = ({ language, memories }: Fixture) =>
  Promise.all(memories.map((text, i) => memoryOf(`${language}/${i}`, text)))

describe.each(FIXTURES)('questions in $language', (fixture) => {
  it('find their memory among memories of the same language', async () => {
    const index = indexOf(await memoriesOf(fixture))
    expect(await missed(fixture, (question) => search(index, question, 3))).toEqual([])
  })

  it('find their memory among memories of all languages', async () => {
    const index = indexOf((await Promise.all(FIXTURES.map(memoriesOf))).flat())
    expect(await missed(fixture, (question) => search(index, question, 3))).toEqual([])
  })
})

/** The questions whose answer is not among the memories found. */
async function missed(
  { language, questions }: Fixture,
  find: (question: string) => Promise<string[]>,
): Promise<string[]> {
  const found = await Promise.all(questions.map(([question]) => find(question)))
  return questions.flatMap(([question, answer], i) =>
    found[i]?.includes(`${language}/${answer}`) ? [] : [question],
  )
}
