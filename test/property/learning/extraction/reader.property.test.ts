import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkAnswer } from '../../../../sidecar/learning/extraction/check.ts'
import { numberMessages } from '../../../../sidecar/learning/extraction/messages.ts'
import { readAnswer } from '../../../../sidecar/learning/extraction/read-answer.ts'
import { anyText } from '../../../helpers/any-text.ts'
import { AROUND } from '../../../helpers/learning/extraction/corpus/around.ts'
import { json, pretty } from '../../../helpers/learning/extraction/corpus/bad-answer.ts'
import { CORPUS } from '../../../helpers/learning/extraction/corpus/corpus.ts'
import { SYNTAX } from '../../../helpers/learning/extraction/corpus/syntax.ts'
import { batchOf, type GoodAnswer, type Talk } from '../../../helpers/learning/extraction/corpus/talk.ts'
import { english, talks } from '../../../helpers/learning/extraction/corpus/talks.ts'

/** The texts of the facts that are read from an answer; none when it is unreadable. */
function textsIn(talk: Talk, answer: string, isCut: boolean): string[] {
  const batch = batchOf(talk)
  const read = readAnswer(answer, isCut)
  if ('reason' in read) return []
  const checked = checkAnswer(read, batch, numberMessages(batch))
  return 'reason' in checked ? [] : checked.extraction.facts.map(({ text }) => text)
}

/** Notations of a good answer that are all readable. */
const writings: Readonly<Record<string, (good: GoodAnswer) => string>> = {
  'on one line': json,
  'on many lines': pretty,
  'in a fence': (good) => `Here you are:\n\`\`\`json\n${pretty(good)}\n\`\`\`\nDone.`,
  'as a list': (good) => json(good.facts),
  'as lines of JSON': (good) => good.facts.map(json).join('\n'),
  'in a wrapper': (good) => json({ result: good }),
  'with smart quotes': (good) => json(good).replace(/(?<!\\)"([^"\\]*(?:\\.[^"\\]*)*)"/gu, '“$1”'),
  'with single quotes': (good) =>
    json(good)
      .replaceAll("'", "\\'")
      .replace(/(?<!\\)"/gu, "'"),
  'after reasoning': (good) => `<think>{"facts":[{"text":"no"}]}</think>${json(good)}`,
}

/** Fragments with a meaning for the reader: brackets, quotes, delimiters, words. */
const fragment = fc.constantFrom(
  ...'{ } [ ] ( ) " \' “ ” , : ， ： \\ \\u \\u12 \n ``` ```json <think> </think> facts text messages null None 1 -'.split(
    ' ',
  ),
  '"facts":',
  '[{"text":"Ana is a nurse."}',
  '"""',
  '//',
  '/*',
  '#',
  '<|channel|>final<|message|>',
)

/** Runs per property; .ci/run sets a larger number. */
const numRuns = Number(process.env['READER_RUNS'] ?? 30)

/** Checks the texts that are read from an answer truncated at an arbitrary place. */
function truncated(
  write: (good: GoodAnswer) => string,
  isCutOff: fc.Arbitrary<boolean>,
  check: (texts: string[], whole: string[]) => void,
): void {
  const answers = talks.map((talk) => ({ talk, answer: write(talk.good) }))
  fc.assert(
    fc.property(
      fc.constantFrom(...answers),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      isCutOff,
      ({ talk, answer }, part, isCut) => {
        const texts = textsIn(talk, answer.slice(0, Math.floor(part * answer.length)), isCut)
        check(
          texts,
          talk.good.facts.map(({ text }) => text),
        )
      },
    ),
    { numRuns },
  )
}

describe('readAnswer', () => {
  it.for(Object.entries(writings))(
    'reads a complete answer %s, and no part of a fact from a truncated one',
    ([, write]) => {
      for (const { good, ...talk } of talks)
        expect(textsIn({ ...talk, good }, write(good), false)).toHaveLength(good.facts.length)
      truncated(write, fc.boolean(), (texts, whole) =>
        expect(texts.filter((text) => !whole.includes(text))).toEqual([]),
      )
    },
  )

  it('returns no facts from a JSON object that the token limit truncated', () => {
    truncated(json, fc.constant(true), (texts) => expect(texts).toEqual([]))
  })

  it('reads any JSON object in prose as JSON.parse does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme', minLength: 1 }), { minLength: 1 }),
        fc.boolean(),
        (texts, isPretty) => {
          const good = { facts: texts.map((text) => ({ text })) }
          const read = readAnswer(`Here: ${isPretty ? pretty(good) : json(good)} That is all.`, false)
          expect(read).toMatchObject({ facts: good.facts })
        },
      ),
      // Texts that resemble JSON or white space.
      {
        examples: [
          [['a "quoted, "text": b" c'], false],
          [['\\"}], "facts": ['], true],
          [['”，"topic"：“x'], false],
          [['▁ ', ' '], false],
          [['a\ufeffb'], true],
        ],
      },
    )
  })

  it('returns the exact facts or none from answers with two defects', () => {
    const inner = SYNTAX.filter(({ expect: other }) => other === undefined)
    const outer = AROUND.filter(({ finish }) => finish === undefined)
    let unreadable = 0
    let pairs = 0
    for (const [i, around] of outer.entries()) {
      for (const [j, syntax] of inner.entries()) {
        if ((i + j) % 3 !== 0) continue
        const talk = talks.at(-j % talks.length) as Talk
        pairs++
        const broken = syntax.spoil(structuredClone(talk.good), talk)
        const answer = around
          .spoil(structuredClone(talk.good), talk)
          .replace(pretty(talk.good), () => broken)
          .replace(json(talk.good), () => broken)
        const texts = textsIn(talk, answer, false)
        const whole = talk.good.facts.map(({ text }) => text)
        if (texts.length === 0) unreadable++
        else expect(texts, `${around.form}, ${syntax.form}: ${answer}`).toEqual(whole)
      }
    }
    // An unreadable answer costs a second call.
    expect(unreadable / pairs).toBeLessThan(0.1)
  })

  it('never throws', () => {
    const short = CORPUS.filter(({ raw }) => raw.length < 5_000)
    const texts = fc.oneof(
      anyText(),
      fc.array(fragment, { maxLength: 40 }).map((parts) => parts.join('')),
      fc
        .tuple(fc.constantFrom(...short), fc.nat(), fc.nat(), fragment)
        .map(([{ raw }, from, length, put]) => {
          const at = from % (raw.length + 1)
          return raw.slice(0, at) + put + raw.slice(at + (length % 9))
        }),
    )
    fc.assert(
      fc.property(texts, fc.boolean(), (text, isCut) => {
        textsIn(english, text, isCut)
      }),
      { numRuns },
    )
  })
})
