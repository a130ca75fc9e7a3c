import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clean, cleanTexts } from '../../../../sidecar/text/cleaning/clean.ts'
import { anyText } from '../../../helpers/any-text.ts'

type Role = 'user' | 'assistant' | 'system'

const cleaned = (content: string, role: Role = 'user') => {
  const { texts, counts } = cleanTexts({ texts: [{ role, content }], redact: [] })
  return { text: texts[0], counts }
}

/** Deterministic data, as base64 and as hex. */
const bytes = (length: number) => Buffer.from(Array.from({ length }, (_, i) => (i * 7919 + (i >> 3)) & 255))
const picture = bytes(45_000).toString('base64')

describe('embedded data', () => {
  it.each([
    [`Look: data:image/png;base64,${picture} nice`, 'Look: [image] nice', { images: 1 }],
    [`![a cat](data:image/jpeg;base64,${picture}) is mine`, 'a cat [image] is mine', { images: 1 }],
    [`![](data:image/jpeg;base64,${picture})`, '[image]', { images: 1 }],
    ['<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">', '<img src="[image]">', { images: 1 }],
    [`{"url":"data:image\\/webp;base64,${picture}"}`, '{"url":"[image]"}', { images: 1 }],
    ["data:image/svg+xml;utf8,<svg xmlns='x'><path d='M 0 0'/></svg> end", '[image] end', { images: 1 }],
    ['data:image/svg+xml,%3Csvg%20xmlns%3E%3C/svg%3E。終わり', '[image]', { images: 1 }],
    [`data:audio/wav;base64,${picture}`, '[audio]', { audio: 1 }],
    [`data:video/mp4;base64,${picture}`, '[video]', { binary: 1 }],
    [`data:application/pdf;base64,${picture}`, '[binary 60 kB]', { binary: 1 }],
    [`data:;base64,${picture}`, '[binary 60 kB]', { binary: 1 }],
    [`key ${picture} end`, 'key [binary 60 kB] end', { binary: 1 }],
    [`写真${picture}です`, '写真[binary 60 kB]です', { binary: 1 }],
    [`iVBORw0KGgo${picture}`, '[image]', { images: 1 }],
    [bytes(200).toString('hex'), '[binary 1 kB]', { binary: 1 }],
    ['deadbeef'.repeat(40), '[binary 1 kB]', { binary: 1 }],
    [bytes(300).toString('base64url'), '[binary 1 kB]', { binary: 1 }],
    [(picture.match(/.{1,76}/g) ?? []).join('\r\n'), '[binary 62 kB]', { binary: 1 }],
  ])('replaces %.40s by %.40s', (content, text, counts) => {
    const result = cleaned(content)
    if (content.includes('終わり')) expect(result.text).toMatch(/^\[image\]/)
    else expect(result.text).toBe(text)
    expect(result.counts).toEqual(counts)
  })

  it.each([
    ['a run of 256 characters', bytes(192).toString('base64')],
    ['a rule', '-'.repeat(400)],
    ['a table', `| ${'-'.repeat(300)} | ${'='.repeat(300)} |\n| a | b |`],
    ['a laugh', `h${'a'.repeat(600)}`],
    ['a slug', `https://example.com/${'some-long-title-'.repeat(30)}`],
    ['a path', `/${'usr/local/share/documents/'.repeat(20)}`],
    ['Chinese without spaces', '我住在京都'.repeat(100)],
    [
      'SHA-256 sums',
      Array.from({ length: 8 }, (_, i) =>
        bytes(64 + i)
          .toString('hex')
          .slice(0, 64),
      ).join('\n'),
    ],
    ['the words "data:"', 'The data: image/png, text. metadata:image/png,abc'],
  ])('%s stays', (_name, content) => {
    expect(cleaned(content)).toEqual({ text: content, counts: {} })
  })
})

describe("a model's machinery in an answer", () => {
  const answer = 'Paris is the capital.'
  it.each([
    `<think>Easy.\nFrance…</think>\n\n${answer}`,
    `<thinking>Easy</thinking>${answer}`,
    `<THINK>Easy</THINK>${answer}`,
    `<seed:think>Easy</seed:think>${answer}`,
    `<seed:cot_budget_reflect>Easy</seed:cot_budget_reflect>${answer}`,
    `<antThinking type="x">Easy</antThinking>\n${answer}`,
    `<inner_monologue>Easy</inner_monologue>\n${answer}`,
    `<scratchpad>Easy</scratchpad>\n${answer}`,
    `<analysis>Easy</analysis>\n${answer}`,
    `<think>one</think>\n<think>two</think>\n${answer}`,
    `Let me think. It is Paris.</think>\n\n${answer}`,
    `<think>I write <think> and then</think>${answer}`,
    `${answer}\n<think>Let me double-check`,
    `<think>\n\`\`\`js\nunclosed()\n</think>\n${answer}`,
    `[THINK]Easy[/THINK]${answer}`,
    `◁think▷Easy◁/think▷${answer}`,
    `<|begin_of_thought|>Easy<|end_of_thought|><|begin_of_solution|>${answer}<|end_of_solution|>`,
    `<|channel|>analysis<|message|>Easy<|end|><|start|>assistant<|channel|>final<|message|>${answer}<|return|>`,
    `<tool_call>{"name":"search"}</tool_call>\n${answer}`,
    `<details style="color:gray;background-color: #f8f8f8;padding: 8px;" open> <summary> Thinking... </summary>\nEasy\n</details>\n${answer}`,
    `<details type="reasoning" done="true" duration="5">\n<summary>5 s</summary>\n> Easy\n</details>\n${answer}`,
    `<details><summary>思考过程</summary>很简单</details>${answer}`,
    `${answer}{{#llm.text#}}`,
    `{{#1721234567.text#}} ${answer}`,
  ])('is removed from %j', (content) => {
    const { text, counts } = cleaned(content, 'assistant')
    expect(text?.trim()).toBe(answer)
    expect((counts.thinking ?? 0) + (counts.references ?? 0)).toBeGreaterThan(0)
  })

  it.each([
    '<think>Never closed, and no answer',
    '<think>\nNever closed',
    '{{#llm.text#}}',
    '<think>x</think>',
  ])('leaves nothing of %j', (content) => {
    expect(cleaned(content, 'assistant').text).toBe('')
  })

  it.each([
    'Wrap it in `<think>` and close it with `</think>`.',
    '```\n<think>\nhidden\n</think>\n```\nThat is the format.',
    '```xml\n<think>a</think>\n```\nUse `{{#llm.text#}}` here.',
    '<details><summary>Recipe</summary>\n\n1. Boil.\n</details>\nEnjoy.',
    'The <think> tag starts a thought.',
    'if (a < b && think > c) return',
    '    indented code\n\n\n\n    stays',
    '<note><to>Ada</to></note>\nis XML.',
  ])('is not seen in %j', (content) => {
    expect(cleaned(content, 'assistant')).toEqual({ text: content, counts: {} })
  })

  it('keeps the indentation and the blank lines of the answer', () => {
    const code = '    def f():\n\n\n        return 1'
    expect(cleaned(`<think>x</think>\n\n${code}`, 'assistant').text).toBe(code)
  })

  it('stays in what a user says, except a message that is only an unresolved reference', () => {
    for (const content of ['<think>Why?</think> I like tea.', 'I wrote {{#llm.text#}} in the prompt.'])
      expect(cleaned(content)).toEqual({ text: content, counts: {} })
    expect(cleaned('{{#sys.query#}}')).toEqual({ text: '', counts: { references: 1 } })
  })
})

describe('characters', () => {
  it('keeps at most four combining marks per character', () => {
    const { text, counts } = cleaned(`Z${'\u0301\u0316'.repeat(49_000)}algo é ñ`)
    expect(text).toBe('Z\u0301\u0316\u0301\u0316algo é ñ')
    expect(counts).toEqual({ combining_marks: 97_996 })
  })

  it.each(['हिन्दी में लिखता हूँ', 'ภาษาไทยที่นี่', 'Tiếng Việt', '👩‍👩‍👧‍👦 ❤️ 1️⃣', 'שָׁלוֹם', 'مُحَمَّد'])(
    'keeps %s',
    (content) => {
      expect(cleaned(content)).toEqual({ text: content, counts: {} })
    },
  )

  it('replaces lone surrogates', () => {
    expect(cleaned('a\ud800b\udc00c 👍')).toEqual({ text: 'a\ufffdb\ufffdc 👍', counts: { surrogates: 2 } })
  })
})

describe('cleaning any text', () => {
  const role = fc.constantFrom<Role>('user', 'assistant', 'system')
  const piece = fc.oneof(
    anyText({ maxLength: 20 }),
    fc.constantFrom(
      '<think>',
      '</think>',
      '<details><summary>Thinking</summary>',
      '</details>',
      '```',
      '`',
      '\n',
    ),
    fc.constantFrom(
      '{{#llm.text#}}',
      'data:image/png;base64,AAAA',
      '\u0301'.repeat(9),
      'A1b2'.repeat(80),
      ' ',
    ),
  )
  const content = fc.array(piece, { maxLength: 12 }).map((parts) => parts.join(''))

  it('gives well-formed text without embedded data and with at most four marks in a row', () => {
    fc.assert(
      fc.property(role, content, (role, content) => {
        const { text = '' } = cleaned(content, role)
        expect(text.isWellFormed()).toBe(true)
        expect(text).not.toMatch(/\p{M}{5}/u)
        expect(text).not.toContain('data:image/png;base64,A')
      }),
    )
  })

  it('counts nothing where nothing changes, and something where anything does', () => {
    fc.assert(
      fc.property(role, content, (role, content) => {
        const { text, counts } = cleaned(content, role)
        expect(Object.keys(counts).length > 0).toBe(text !== content)
      }),
    )
  })

  it.each([
    ['combining marks', '\u0301\u0316'.repeat(500_000)],
    ['opening tags', '<think>'.repeat(150_000)],
    ['closing tags', '</think>'.repeat(125_000)],
    ['weak opening tags', `${'<plan>'.repeat(170_000)}</plan>`],
    ['blank lines and tags', `${'\n'.repeat(500_000)}${'x<plan>'.repeat(70_000)}</plan>`],
    ['details', '<details '.repeat(110_000)],
    ['summaries', '<details><summary>think think think'.repeat(30_000)],
    ['angle brackets', '<'.repeat(1_000_000)],
    ['data URIs', 'data:image/png;base64,'.repeat(45_000)],
    ['SVG starts', 'data:image/svg+xml,<svg'.repeat(43_000)],
    ['runs of 250 characters', `${'A1'.repeat(125)} `.repeat(4_000)],
    ['wrapped lines', `${'Ab1'.repeat(24)}\n`.repeat(14_000)],
    ['wrapped lines in threes', `${`${'Ab1'.repeat(24)}\n`.repeat(3)}=\n`.repeat(4_600)],
    ['references', '{{#a'.repeat(250_000)],
    ['image marks', '![a]('.repeat(200_000)],
    ['fences', '```\n'.repeat(250_000)],
    ['random base64', randomBytes(750_000).toString('base64')],
  ])('takes linear time for a million characters of %s', (_name, text) => {
    // Quadratic time would be minutes and exceed the timeout of the test.
    expect(cleaned(`${text}x`, 'assistant').text).toBeTypeOf('string')
    expect(cleaned(`${text}x`).text).toBeTypeOf('string')
  })

  it('gives the same in a worker thread', async () => {
    const input = {
      texts: [{ role: 'assistant' as const, content: `<think>${'x'.repeat(9_000)}</think>Hi` }],
      redact: [],
    }
    expect(await clean(input)).toEqual(cleanTexts(input))
  })
})
