import { describe, expect, it } from 'vitest'
import { brief, fact, june, known, run, scripted } from '../../../helpers/learning/reconcile/helpers.ts'
import { BAD_ANSWERS, MOMO, PORTO } from './bad-answers.ts'

describe('malformed answers of weak models', () => {
  it('has at least sixty cases with distinct names', () => {
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
  })
})
