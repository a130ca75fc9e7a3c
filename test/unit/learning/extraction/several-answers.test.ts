import { describe, expect, it } from 'vitest'
import { readAnswer } from '../../../../sidecar/learning/extraction/read-answer.ts'

const answer = (...texts: string[]) =>
  JSON.stringify({ facts: texts.map((text) => ({ text, topic: 'work' })) })

/** The texts of the facts. */
function read(raw: string) {
  const content = readAnswer(raw, false)
  return 'facts' in content ? content.facts.map((fact) => (fact as { text: string }).text) : content.reason
}

describe('of several JSON objects in an answer', () => {
  const last = answer('Ana is a nurse.', 'Ana lives in Lyon.')

  it.each([
    ['a draft', `${answer('Ana is a doctor.')}\n${last}`],
    ['an empty draft', `{"facts":[]}\n${last}`],
    [
      'a draft in a fence',
      `\`\`\`json\n${answer('Ana is a doctor.', 'Ana rows.')}\n\`\`\`\nHmm.\n\`\`\`json\n${last}\n\`\`\``,
    ],
    ['three drafts', `${[1, 2, 3].map((i) => answer(`Draft ${i} a.`, `Draft ${i} b.`)).join('\n')}\n${last}`],
    ['a draft, 日本語で', `下書き: ${answer('Ana is a doctor.')}\n最終的な答え: ${last}`],
    ['the same answer', `${last}\n${last}`],
  ])('the last complete one counts after %s', (_, raw) => {
    expect(read(raw)).toEqual(['Ana is a nurse.', 'Ana lives in Lyon.'])
  })

  it('the last counts even if it has no facts', () => {
    expect(read(`${answer('The example of the prompt.')}\n{"facts":[]}`)).toEqual([])
  })

  it('those that hold one fact each count together', () => {
    expect(read(['A works.', 'B works.', 'C works.'].map((text) => answer(text)).join('\n'))).toHaveLength(3)
    expect(read('{"text":"A works.","topic":"work"}\n{"text":"B works.","topic":"work"}')).toHaveLength(2)
  })
})
