import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { said, type TestApp, testApp } from '../../helpers/test-app.ts'

const textsOf = async ({ call }: TestApp, user = 'ada') => {
  const { body } = await call('GET', `/v1/memories?user_id=${user}&limit=500`)
  return body.memories.map(({ memory }: { memory: string }) => memory).sort()
}

const add = async (app: TestApp, turn: number, content: string, answer?: string, user_id = 'ada') => {
  const answers = answer === undefined ? [] : [{ role: 'assistant', content: answer }]
  const messages = [{ role: 'user', content }, ...answers]
  const turns = { user_id, conversation_id: 'c', turn, messages, remember: 'user' }
  return (await app.call('POST', '/v1/memories', turns)).body
}

const WORDS = ['I sail.', 'I row.', 'I ski.', 'I swim.']

describe('messages with the same turn number', () => {
  it('keeps both messages of two turns that share a dialogue_count, with the answers that arrive later', async () => {
    const app = testApp()
    // As two chats within a second: both questions first, then both answers.
    const first = await add(app, 12, 'I sail.')
    app.clock.advance(800)
    const second = await add(app, 12, 'I row.')
    app.clock.advance(5000)
    const answers = [await add(app, 12, 'I sail.', 'Nice!'), await add(app, 12, 'I row.', 'Great!')]
    expect([first, second].map(({ change }) => change)).toEqual(['added', 'added'])
    expect(answers.map(({ turn_id, change }) => [turn_id, change])).toEqual([
      [first.turn_id, 'replaced'],
      [second.turn_id, 'replaced'],
    ])
    expect(await textsOf(app)).toEqual(['I row.', 'I sail.'])
    const { body } = await app.call('GET', '/v1/conversations/c?user_id=ada')
    expect(body.last_turn).toBe(12)
  })

  it.each([
    [1999, ['I row.', 'I sail.']],
    [2000, ['I row.']],
  ])('other words after %i ms leave the memories %j', async (pause, expected) => {
    const app = testApp()
    await add(app, 1, 'I sail.')
    app.clock.advance(pause)
    await add(app, 1, 'I row.')
    expect(await textsOf(app)).toEqual(expected)
  })

  it('a retry of the same words is the same turn, also within 2 seconds', async () => {
    const app = testApp()
    await add(app, 1, 'I sail.')
    await add(app, 1, 'I row.')
    const changes = [await add(app, 1, 'I row.'), await add(app, 1, ' I  sail. ')]
    expect(changes.map(({ change }) => change)).toEqual(['unchanged', 'replaced'])
    expect(await textsOf(app)).toHaveLength(2)
  })

  it('for any schedule: same words are one turn, early other words a new one, late other words edit the last', async () => {
    const posts = fc.array(
      fc.record({ words: fc.constantFrom(...WORDS), pause: fc.constantFrom(0, 700, 1500, 2500) }),
      { maxLength: 10 },
    )
    const app = testApp()
    let runs = 0
    await fc.assert(
      fc.asyncProperty(posts, async (schedule) => {
        const user = `user-${runs++}`
        const turns: string[] = []
        let sinceFirst = 0
        for (const { words, pause } of schedule) {
          if (turns.length > 0) sinceFirst += pause
          app.clock.advance(pause)
          await add(app, 1, words, undefined, user)
          if (turns.includes(words)) continue
          if (turns.length === 0 || sinceFirst < 2000) turns.push(words)
          else turns[turns.length - 1] = words
        }
        expect(await textsOf(app, user)).toEqual([...turns].sort())
      }),
      { numRuns: 40 },
    )
  })
})

describe('an edit of an earlier message', () => {
  it('reports the later turns of the branch that was left, and each is replaced when the new branch reaches it', async () => {
    const app = testApp()
    const say = async (turn: number, content: string) => {
      app.clock.advance(60_000)
      return (await add(app, turn, content)).abandoned_turns
    }
    for (const [i, content] of ['I sail.', 'I row.', 'I ski.'].entries()) await say(i + 1, content)
    // A regenerated answer leaves no branch.
    expect(await say(1, 'I sail.')).toBe(0)
    expect(await say(1, 'I swim.')).toBe(2)
    expect(await textsOf(app)).toEqual(['I row.', 'I ski.', 'I swim.'])
    expect(await say(2, 'I dive.')).toBe(1)
    expect(await say(3, 'I run.')).toBe(0)
    expect(await textsOf(app)).toEqual(['I dive.', 'I run.', 'I swim.'])
    expect(await app.call('POST', '/v1/memories', said('I hike.', { conversation_id: 'c' }))).toMatchObject({
      body: { turn: 4, abandoned_turns: 0 },
    })
  })
})
