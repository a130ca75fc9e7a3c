import { describe, expect, it } from 'vitest'
import { readMessages } from '../../../sidecar/cli/transfer/readers/messages.ts'
import { file, readAll } from '../../helpers/cli/transfer/helpers.ts'
import { testApp } from '../../helpers/test-app.ts'

const call = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{}' } }

/** Messages as chat APIs write them, and what is stored of each. */
const CASES: [string, Record<string, unknown>, string | undefined][] = [
  ['a string', { role: 'user', content: 'I keep bees.' }, 'user: I keep bees.'],
  [
    'text parts',
    {
      role: 'user',
      content: [
        { type: 'text', text: 'I keep bees.' },
        { type: 'text', text: 'I sail.' },
      ],
    },
    'user: I keep bees.\nI sail.',
  ],
  [
    'a text beside an image',
    {
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
        { type: 'text', text: 'This is my dog.' },
      ],
    },
    'user: This is my dog.',
  ],
  [
    'only an image',
    { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://x/y.png' } }] },
    undefined,
  ],
  [
    'input_text',
    { role: 'user', content: [{ type: 'input_text', text: '私は蜂を飼っています。' }] },
    'user: 私は蜂を飼っています。',
  ],
  [
    'output_text',
    {
      role: 'assistant',
      content: [{ type: 'output_text', text: 'Anotado: tienes abejas.', annotations: [] }],
    },
    'assistant: Anotado: tienes abejas.',
  ],
  [
    'parts without a type',
    { role: 'model', content: [{ text: 'Du hältst Bienen.' }] },
    'assistant: Du hältst Bienen.',
  ],
  [
    'reasoning parts',
    {
      role: 'assistant',
      content: [
        { type: 'reasoning', text: 'Hmm.' },
        { type: 'text', text: 'You keep bees.' },
      ],
    },
    'assistant: You keep bees.',
  ],
  ['an empty list', { role: 'user', content: [] }, undefined],
  ['null beside tool calls', { role: 'assistant', content: null, tool_calls: [call] }, undefined],
  [
    'text beside tool calls',
    {
      role: 'assistant',
      content: 'I look it up.',
      tool_calls: [call],
      refusal: null,
      reasoning_content: 'Hmm.',
    },
    'assistant: I look it up.',
  ],
  ['no content beside tool calls', { role: 'assistant', tool_calls: [call] }, undefined],
  ['the result of a tool', { role: 'tool', tool_call_id: 'call_1', content: '{"temperature":7}' }, undefined],
  ['a developer', { role: 'developer', content: 'Answer briefly.' }, 'system: Answer briefly.'],
  ['a role in capitals', { role: 'Human', content: '我养蜜蜂。' }, 'user: 我养蜜蜂。'],
]

describe('a message is read by the API as by the import:', () => {
  it.each(CASES)('%s', async (_name, message, expected) => {
    const first = { role: 'user', content: 'My name is Ada.' }
    const conversation = { conversation_id: 'c', turn: 0, messages: [first, message] }
    const app = testApp()
    const { status } = await app.call('POST', '/v1/memories', { user_id: 'ada', ...conversation })
    expect(status).toBe(200)
    const lines = (await (await app.fetch('/v1/export?user_id=ada')).text()).split('\n').filter(Boolean)
    const stored = lines.map((line) => JSON.parse(line)).find(({ kind }) => kind === 'turn').turn.messages
    const said = stored.map(({ role, content }: { role: string; content: string }) => `${role}: ${content}`)
    expect(said).toEqual(['user: My name is Ada.', ...(expected === undefined ? [] : [expected])])

    const sameTurn = { turn: 0, conversation_id: 'c' }
    const list = [
      { ...first, ...sameTurn },
      { ...message, ...sameTurn },
    ]
    const entries = await readAll(readMessages, file('a.json', JSON.stringify(list)))
    const imported = entries.flatMap((entry) => (entry.kind === 'turn' ? entry.body.messages : []))
    expect(imported.map(({ role, content }) => `${role}: ${content}`)).toEqual(said)
  })

  it('a turn of tool messages only is stored without memories, also with a model', async () => {
    const { call: send } = testApp()
    const messages = [
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', content: '7' },
    ]
    const { status, body } = await send('POST', '/v1/memories', {
      user_id: 'ada',
      conversation_id: 'c',
      messages,
    })
    expect([status, body]).toMatchObject([200, { status: 'stored', turn: 1, events: [] }])
  })

  it('an answer says whether its turn is new', async () => {
    const { call: send, clock } = testApp()
    const add = async (content: string) => {
      clock.advance(2000)
      const turn = { user_id: 'ada', conversation_id: 'c', turn: 1, messages: [{ role: 'user', content }] }
      return (await send('POST', '/v1/memories', turn)).body.change
    }
    expect([await add('I sail.'), await add('I sail.'), await add('I row.')]).toEqual([
      'added',
      'unchanged',
      'replaced',
    ])
  })

  it('joined text parts are split as a long text is', async () => {
    const text = 'We talked about the harbour. '.repeat(2_000).trim()
    const messages = [{ role: 'user', content: [text, text].map((text) => ({ type: 'text', text })) }]
    const { call: send, fetch } = testApp()
    const { status, body } = await send('POST', '/v1/memories', { user_id: 'ada', messages })
    expect(status).toBe(200)
    const exported = await (await fetch('/v1/export?user_id=ada')).text()
    const lines: string[] = exported.trim().split('\n')
    const turn = lines.map((line) => JSON.parse(line)).find(({ kind }) => kind === 'turn').turn
    expect(turn.id).toBe(body.turn_id)
    const pieces: string[] = turn.messages.map(({ content }: { content: string }) => content)
    expect(pieces).toHaveLength(2)
    expect(pieces.join('')).toBe(`${text}\n${text}`)
  })
})
