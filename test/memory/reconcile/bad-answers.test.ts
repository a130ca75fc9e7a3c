import { describe, expect, it } from 'vitest'
import { objectsIn } from '../../../sidecar/memory/reconcile/json-scan.ts'
import { BAD_ANSWERS, MOMO, PORTO } from './bad-answers.ts'
import { brief, fact, june, known, run, scripted } from './helpers.ts'

describe('answers as weak models give them', () => {
  it('there are sixty of them, and no two are called the same', () => {
    expect(new Set(BAD_ANSWERS.map(({ name }) => name)).size).toBe(BAD_ANSWERS.length)
    expect(BAD_ANSWERS.length).toBeGreaterThanOrEqual(60)
  })

  it.each(BAD_ANSWERS)('$name', async ({ answer, becomes, asked }) => {
    const model = scripted(answer, answer)
    const result = await run({
      facts: [await fact(PORTO, 'home/city', { at: june(1) }), await fact(MOMO, 'pets/cat', { at: june(2) })],
      memories: [
        await known('k1', 'User lives in Leeds', 'home/city'),
        await known('k2', 'User has a cat named Miso', 'pets/cat', { at: Date.UTC(2026, 4, 2) }),
      ],
      model,
    }).catch((error) => error)
    expect(result.name === 'UnreadableDecisions' ? 'unreadable' : brief(result.decisions)).toEqual(becomes)
    expect(model.requests).toHaveLength(asked)
    expect(result.asked).toBe(asked)
    if (asked === 2) expect(result.rejected).not.toEqual([])
  })
})

describe('JSON in an answer', () => {
  const facts = (text: string) => objectsIn(text, (value) => 'fact' in value).map(({ fact: one }) => one)

  it.each([
    ['{"fact":1}', [1]],
    ['[{"fact":1},{"fact":2}]', [1, 2]],
    ['a {"fact":1} b {"fact":2} c', [1, 2]],
    ['x = [{"fact":1}, {"fact":2', [1]],
    ['{ not json } {"fact":1}', [1]],
    ['{"a":{"b":[{"fact":1}]}}', [1]],
    ['"quotes in prose" {"fact":1} "more', [1]],
    ['{"text":"a } in a string","fact":1}', [1]],
    ['{"text":"a \\" and a { in a string","fact":1}', [1]],
    ['[{"fact":1}}, {"fact":2}]', [1, 2]],
    ['{"fact":1', []],
    ['', []],
  ])('%s', (text, found) => {
    expect(facts(text)).toEqual(found)
  })

  it('is read in bounded work, whatever the brackets do', () => {
    for (const text of ['{[', '[{', '{"a":', '[x ', '{"fact":1,"a":"', ']}', '"{']) {
      expect(facts(text.repeat(100_000)).length).toBeLessThan(20_001)
    }
    expect(facts(`${'[{'.repeat(20_000)}${']'.repeat(40_000)}`)).toEqual([])
  })
})
