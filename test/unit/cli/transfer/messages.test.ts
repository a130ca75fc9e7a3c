import { describe, expect, it } from 'vitest'
import type { Entry } from '../../../../sidecar/cli/transfer/input/entry.ts'
import { readMessages } from '../../../../sidecar/cli/transfer/readers/messages.ts'
import { bodies, file, fixture, readAll, turns } from '../../../helpers/cli/transfer/helpers.ts'

describe('readMessages', () => {
  it('groups interleaved messages by conversation and user and reports invalid lines', async () => {
    const entries = await readAll(readMessages, fixture('messages.jsonl'))
    expect(entries.filter(({ kind }) => kind === 'problem')).toMatchObject([
      { line: 4, reason: expect.stringContaining('expected JSON') },
      { line: 6, reason: 'role: expected user, assistant or system, got "narrator"' },
    ])
    expect(turns(entries.filter(({ kind }) => kind === 'turn'))).toEqual([
      ['ada', 'c1', 1, ['I live in Leeds and work there as a nurse.', 'Noted, Leeds it is.']],
      ['bob', 'c1', 1, ['I collect old maps of harbours.']],
      ['ada', 'c1', 2, ['I have a cat called Biscuit.']],
      ['ada', 'c2', 7, ['I moved to Porto.']],
    ])
    const dates = entries.flatMap((entry) =>
      entry.kind === 'turn' ? entry.body.messages.map(({ at }) => at) : [],
    )
    expect(dates.sort()).toEqual([
      '2026-01-05T10:00:00.000Z',
      '2026-01-05T10:00:08.000Z',
      '2026-01-05T10:01:00.000Z',
      '2026-01-05T10:02:00.000Z',
      '2026-03-02T10:00:00.000Z',
    ])
  })

  it('starts a turn with each user message and adds an answer to the preceding turn', async () => {
    const say = (content: string, rest: object = {}) => ({ role: 'user', content, ...rest })
    const list = [
      say('A.'),
      say('B.', { turn: 5 }),
      { role: 'assistant', content: 'C.' },
      { role: 'system', content: 'D.' },
      say('E.'),
    ]
    expect(turns(await readAll(readMessages, file('a.json', JSON.stringify(list))))).toEqual([
      [null, 'a.json', 1, ['A.']],
      [null, 'a.json', 5, ['B.', 'C.']],
      [null, 'a.json', 6, ['D.', 'E.']],
    ])
  })

  it.each(['a.json', 'a.jsonl'])('keeps the digits of numbers beyond 2^53 in %s', async (name) => {
    const message = (id: string, n: string) =>
      `{"role":"user","content":"A.","conversation_id":${id},"metadata":{"n":${n}}}`
    const list = [message('9007199254740993', '1e400'), message('9007199254740992', '7')]
    const text = name === 'a.json' ? `[${list.join(',\n')}]` : list.join('\n')
    expect(bodies(await readAll(readMessages, file(name, text)))).toMatchObject([
      { conversation_id: '9007199254740993', metadata: { n: '1e400' } },
      { conversation_id: '9007199254740992', metadata: { n: 7 } },
    ])
  })

  it('reports the messages that it leaves out', async () => {
    const list = [
      { role: 'system', content: 'Be brief.' },
      { role: 'tool', content: '{}' },
      { role: 'user', content: [{ type: 'image_url' }] },
    ]
    const lines = list.map((message) => JSON.stringify(message)).join('\n')
    expect(await readAll(readMessages, file('a.jsonl', lines))).toEqual([
      { kind: 'omission', line: 2, reason: 'a message of role "tool"' },
      { kind: 'omission', line: 3, reason: 'a message without text' },
      { kind: 'omission', line: 1, reason: 'a turn of system messages only' },
    ])
  })

  it('keeps turn 0 and numbers the turns after it from 1', async () => {
    const list = [
      { role: 'user', content: 'A.', turn: 0 },
      { role: 'assistant', content: 'B.', turn: 0 },
      { role: 'user', content: 'C.' },
    ]
    expect(turns(await readAll(readMessages, file('a.json', JSON.stringify(list))))).toEqual([
      [null, 'a.json', 0, ['A.', 'B.']],
      [null, 'a.json', 1, ['C.']],
    ])
  })

  it('reads more conversations than it keeps open', async () => {
    const lines = Array.from(
      { length: 10_500 },
      (_, i) => `{"role":"user","content":"I am ${i}.","conversation_id":"c${i}"}`,
    )
    const entries = await readAll(readMessages, file('a.jsonl', [...lines, lines[0]].join('\n')))
    expect(entries).toHaveLength(10_501)
    expect(entries.filter(({ line }) => line === 1 || line === 10_501)).toMatchObject([
      { body: { turn: 1 } },
      { body: { turn: 2 } },
    ])
  })

  it('reads OpenAI messages without tool output and falls back to the date of the file', async () => {
    const entries = await readAll(readMessages, fixture('openai.json'))
    const [first, second, ...more] = entries.filter(({ kind }) => kind === 'turn')
    expect(more).toEqual([])
    expect(entries.filter(({ kind }) => kind !== 'turn')).toEqual([
      { kind: 'omission', line: 2, reason: 'messages[2]: a message without text' },
      { kind: 'omission', line: 2, reason: 'messages[3]: a message of role "tool"' },
    ])
    const conversation_id = 'openai.json#1'
    const at = '2026-04-01T00:00:00.000Z'
    expect(bodies([first as Entry, second as Entry])).toEqual([
      {
        conversation_id,
        turn: 1,
        messages: [
          { role: 'system', content: 'You are a helpful assistant.', at },
          { role: 'user', content: 'I am allergic to peanuts.', at },
          { role: 'assistant', content: 'I will keep peanuts out of it.', at },
        ],
      },
      { conversation_id, turn: 2, messages: [{ role: 'user', content: 'I play the cello on Fridays.', at }] },
    ])
  })
})
