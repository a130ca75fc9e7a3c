import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkAnswer } from '../../../../sidecar/learning/extraction/check.ts'
import { numberMessages } from '../../../../sidecar/learning/extraction/messages.ts'
import { readAnswer } from '../../../../sidecar/learning/extraction/read-answer.ts'
import { AROUND } from './corpus/around.ts'
import { json, pretty } from './corpus/bad-answer.ts'
import { CORPUS } from './corpus/corpus.ts'
import { SYNTAX } from './corpus/syntax.ts'
import { batchOf, type GoodAnswer, type Talk } from './corpus/talk.ts'
import { english, talks } from './corpus/talks.ts'

/** The texts of the facts that are read from an answer; none when it is unreadable. */
async function textsIn(talk: Talk, answer: string, isCut: boolean): Promise<string[]> {
  const batch = batchOf(talk)
  const read = readAnswer(answer, isCut)
  if ('reason' in read) return []
  const checked = await checkAnswer(read.content, batch, numberMessages(batch))
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

describe('readAnswer', () => {
  for (const [writing, write] of Object.entries(writings)) {
    it(`never returns a part of a fact from an answer ${writing} that is truncated anywhere`, async () => {
      for (const talk of talks) {
        const answer = write(talk.good)
        const whole = new Set(await textsIn(talk, answer, false))
        expect(whole.size).toBe(talk.good.facts.length)
        for (let length = 0; length < answer.length; length++) {
          for (const isCut of [true, false]) {
            const texts = await textsIn(talk, answer.slice(0, length), isCut)
            expect(texts.filter((text) => !whole.has(text))).toEqual([])
          }
        }
      }
    })
  }

  it('returns no facts from a JSON object that the token limit truncated', async () => {
    for (const talk of talks) {
      const answer = json(talk.good)
      for (let length = 0; length < answer.length; length++)
        expect(await textsIn(talk, answer.slice(0, length), true)).toEqual([])
    }
  })

  it('reads any JSON object in prose as JSON.parse does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme', minLength: 1 }), { minLength: 1 }),
        fc.boolean(),
        (texts, isPretty) => {
          const good = { facts: texts.map((text) => ({ text })) }
          const read = readAnswer(`Here: ${isPretty ? pretty(good) : json(good)} That is all.`, false)
          expect(
            'content' in read && read.content.facts.map((fact) => (fact as { text: string }).text),
          ).toEqual(texts)
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

  it('returns the exact facts or none from answers with two defects', async () => {
    const whole = SYNTAX.filter(({ expect: other }) => other === undefined)
    let unreadable = 0
    let all = 0
    for (const [i, talk] of talks.entries()) {
      const texts = talk.good.facts.map(({ text }) => text)
      for (const around of AROUND.filter(({ finish }) => finish === undefined)) {
        for (const [j, syntax] of whole.entries()) {
          // Each pair on some of the conversations.
          if ((i + j) % 8 !== 0) continue
          const inner = syntax.spoil(structuredClone(talk.good), talk)
          const outer = around.spoil(structuredClone(talk.good), talk)
          const answer = outer.replace(pretty(talk.good), () => inner).replace(json(talk.good), () => inner)
          const taken = await textsIn(talk, answer, false)
          all++
          if (taken.length === 0) unreadable++
          else expect(taken, `${around.form}, ${syntax.form}: ${answer}`).toEqual(texts)
        }
      }
    }
    // An unreadable answer costs a second call.
    expect(unreadable / all).toBeLessThan(0.1)
  })

  it('never throws', async () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fragment, { maxLength: 40 }).map((parts) => parts.join('')),
      fc
        .tuple(fc.constantFrom(...CORPUS), fc.nat(), fc.nat(), fragment)
        .map(([{ raw }, from, length, put]) => {
          const at = from % (raw.length + 1)
          return raw.slice(0, at) + put + raw.slice(at + (length % 9))
        }),
    )
    await fc.assert(
      fc.asyncProperty(texts, fc.boolean(), async (text, isCut) => {
        await textsIn(english, text, isCut)
      }),
      { numRuns: 1_000 },
    )
  })
})
