import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_ANSWER_LENGTH, parseModelAnswer } from '../../../../sidecar/learning/extraction/model-json.ts'

const valuesIn = (text: string, isCutOff = false) =>
  parseModelAnswer(text, isCutOff).values.map(({ value }) => value)

describe('parseModelAnswer', () => {
  it.each([
    ['bare JSON', '{"a":1}', [{ a: 1 }]],
    ['a list', '[{"a":1},{"a":2}]', [[{ a: 1 }, { a: 2 }]]],
    ['a fence', '```json\n{"a":1}\n```', [{ a: 1 }]],
    ['an unclosed fence', '```json\n{"a":1}', [{ a: 1 }]],
    ['prose around it', 'From [1] and {x}:\n{"a":1} as asked.', [{ a: 1 }]],
    ['quotes in the prose', '"quotes in prose" {"a":1} "more', [{ a: 1 }]],
    ['one object per line', '{"a":1}\n{"a":2}', [{ a: 1 }, { a: 2 }]],
    ['reasoning before it', '<think>{"a":0}?</think>{"a":1}', [{ a: 1 }]],
    ['reasoning without its opening tag', 'Hm, {"a":0}\n</think>\n{"a":1}', [{ a: 1 }]],
    ['a string of JSON', '"{\\"a\\":1}"', [{ a: 1 }]],
    ['a bracket in a string', '{"t":"a } and \\" and {","a":1}', [{ t: 'a } and " and {', a: 1 }]],
    ['a wrong bracket', '[{"a":1}}, {"a":2}]', [{ a: 1 }, { a: 2 }]],
    ['trailing commas', '{"a":[1,2,],}', [{ a: [1, 2] }]],
    ['single quotes', "{'a':'Ana's cat'}", [{ a: "Ana's cat" }]],
    ['unquoted keys', '{a:"b"}', [{ a: 'b' }]],
    ['comments', '{"a":1, /* two */ "b":2 // three\n}', [{ a: 1, b: 2 }]],
    ['Python literals', "{'a':None,'b':True}", [{ a: null, b: true }]],
    ['unescaped quotes in a text', '{"a":"he said "no".","b":1}', [{ a: 'he said "no".', b: 1 }]],
    ['no closing brace', '{"a":[1]', [{ a: [1] }]],
    ['prose only', 'no JSON [here] {at} all', []],
    ['nothing', '', []],
  ])('reads %s', (_, text, values) => {
    expect(parseModelAnswer(text, false)).toMatchObject({ isTruncated: false })
    expect(valuesIn(text)).toEqual(values)
  })

  it.each([
    ['in the second object', '[{"a":1}, {"a":2', [{ a: 1 }]],
    ['in a string', '{"l":[{"a":1},{"a":"b', [{ a: 1 }]],
    ['in a number', '{"a":1', []],
    ['after a key', '{"a":', []],
    ['in the reasoning', '<think>{"a":1}', []],
  ])('returns only complete objects of an answer that ends %s', (_, text, values) => {
    expect(parseModelAnswer(text, false)).toMatchObject({ isTruncated: true })
    expect(valuesIn(text)).toEqual(values)
  })

  it('does not complete an answer that the token limit cut off', () => {
    expect(parseModelAnswer('{"a":[1]', true)).toMatchObject({ isTruncated: true, values: [{ value: [1] }] })
  })

  it('returns valid JSON in prose as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.object({ maxDepth: 3 }), (object) => {
        const json = JSON.stringify(object)
        expect(valuesIn(`Here: ${json} That is all.`)).toEqual([JSON.parse(json)])
      }),
      // A proto key is an own property for JSON.parse.
      { examples: [[{ a: '"}], {' }], [{ a: 'b\\' }]] },
    )
  })

  it('ends on huge answers of every kind', () => {
    const parts = [
      ...[
        '{',
        '[',
        '{"',
        '["',
        '"',
        "'",
        '“',
        '{"a":',
        '[{"text":"a"},',
        '{a',
        ' ',
        '\n',
        '\\',
        '\\u',
        '<think>',
      ],
      ...[
        '</think>',
        '<|channel|>analysis',
        '{"a":"b" ',
        '[1',
        '{"text":"a b c"}\n',
        '"a", ',
        ',',
        '/*',
        '#',
        '```',
      ],
      ...['{[', '[{', '[x ', '{"fact":1,"a":"', ']}', '"{', '{"facts":[]} ', "{'a':'b", "'a'"],
    ]
    for (const part of parts) {
      for (const before of ['', '{"facts":[', '{"facts":["', '{"facts":[{"text":"Ana is ']) {
        const count = Math.floor((MAX_ANSWER_LENGTH - before.length - 4) / part.length)
        expect(parseModelAnswer(before + part.repeat(count), false)).toBeDefined()
        expect(parseModelAnswer(`${before}${part.repeat(count)}"}]}`, false)).toBeDefined()
      }
    }
    expect(valuesIn(`${'[{'.repeat(20_000)}${']'.repeat(40_000)}`)).toEqual([])
    expect(valuesIn(`{"a":1}${' '.repeat(MAX_ANSWER_LENGTH)}x`)).toEqual([])
  })
})
