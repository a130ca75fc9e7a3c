import { said } from '../../../helpers/test-app.ts'
import { type BadInput, bodies } from './bad-input.ts'

const ADD = '/v1/memories'

/** POST /v1/memories. */
export const ADD_CASES: readonly BadInput[] = [
  ...bodies('POST', ADD, [
    ['a list for a body', [], /^body: expected object, got an array of 0$/],
    ['null for a body', null, /^body: expected object, got null$/],
    ['no user', { messages: [{ role: 'user', content: 'x' }] }, /^user_id: expected string, got nothing$/],
    ['an empty user', said('x', { user_id: '' }), /^user_id: expected a non-empty string, got ""$/],
    ['a user of spaces', said('x', { user_id: ' ' }), /^user_id: expected a non-empty string/],
    ['a number for a user', said('x', { user_id: 7 }), /^user_id: expected string, got 7$/],
    [
      'a user of 257 characters',
      said('x', { user_id: 'u'.repeat(257) }),
      /^user_id: expected at most 256 characters, got "u+…$/,
    ],
    [
      'a lone surrogate in a user',
      said('x', { user_id: 'a\ud800' }),
      /^user_id: expected well-formed Unicode/,
    ],
    [
      'a lone surrogate in a conversation',
      said('x', { conversation_id: '\udc00' }),
      /^conversation_id: expected well-formed Unicode/,
    ],
    ['an unknown field', said('x', { userid: 'ada' }), /^body: unknown field userid/],
    [
      'an unknown field of a message',
      { user_id: 'a', messages: [{ role: 'user', content: 'x', text: 'y' }] },
      /^messages\[0\]: unknown field text/,
    ],
    ['no messages', { user_id: 'ada' }, /^messages: expected array, got nothing$/],
    [
      'an empty list of messages',
      { user_id: 'ada', messages: [] },
      /^messages: expected at least one message, got an array of 0$/,
    ],
    [
      '1001 messages',
      { user_id: 'ada', messages: Array(1001).fill({ role: 'user', content: 'x' }) },
      /^messages: expected .*1000.*, got an array of 1001$/,
    ],
    [
      'an unknown role',
      { user_id: 'a', messages: [{ role: 'tool', content: 'x' }] },
      /^messages\[0\]\.role: expected one of .*"user".*, got "tool"$/,
    ],
    [
      'a list for a content',
      { user_id: 'a', messages: [{ role: 'user', content: [] }] },
      /^messages\[0\]\.content: expected string, got an array of 0$/,
    ],
    [
      'a content of 100001 characters',
      said('x'.repeat(100_001)),
      /^messages\[0\]\.content: expected at most 100000 characters, got "x+…$/,
    ],
    [
      'an invalid time',
      { user_id: 'a', messages: [{ role: 'user', content: 'x', at: 'yesterday' }] },
      /^messages\[0\]\.at: expected an ISO 8601 time with a time zone, got "yesterday"$/,
    ],
    [
      'a time without a zone',
      { user_id: 'a', messages: [{ role: 'user', content: 'x', at: '2026-03-01T09:30:00' }] },
      /^messages\[0\]\.at: expected an ISO 8601 time with a time zone/,
    ],
    [
      'a day that does not exist',
      { user_id: 'a', messages: [{ role: 'user', content: 'x', at: '2026-02-30T09:30:00Z' }] },
      /^messages\[0\]\.at: expected an ISO 8601 time/,
    ],
    ['turn 0', said('x', { conversation_id: 'c', turn: 0 }), /^turn: expected an integer from 1.*, got 0$/],
    [
      'a negative turn',
      said('x', { conversation_id: 'c', turn: -1 }),
      /^turn: expected an integer from 1.*, got -1$/,
    ],
    [
      'a fractional turn',
      said('x', { conversation_id: 'c', turn: 1.5 }),
      /^turn: expected an integer.*, got 1\.5$/,
    ],
    [
      'turn 2^31',
      said('x', { conversation_id: 'c', turn: 2 ** 31 }),
      /^turn: expected .*2147483647, got 2147483648$/,
    ],
    [
      'a turn as string',
      said('x', { conversation_id: 'c', turn: '1' }),
      /^turn: expected an integer.*, got "1"$/,
    ],
    [
      'a turn without a conversation',
      said('x', { turn: 1 }),
      /^conversation_id: expected a conversation id, because turn is set/,
    ],
    [
      'a mode that needs a model',
      said('x', { mode: 'buffered' }),
      /^mode: expected "verbatim" \(.*\), got "buffered"$/,
    ],
    ['an unknown mode', said('x', { mode: 'fast' }), /^mode: expected one of .*, got "fast"$/],
    ['a list for metadata', said('x', { metadata: [] }), /^metadata: expected an object, got an array of 0$/],
    [
      'an object within metadata',
      said('x', { metadata: { a: { b: 1 } } }),
      /^metadata\.a: expected .*string.*, got an object$/,
    ],
    [
      'a list of lists within metadata',
      said('x', { metadata: { a: [[1]] } }),
      /^metadata\.a.*: expected .*string.*, got an array of 1$/,
    ],
    [
      '65 keys of metadata',
      said('x', { metadata: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, i])) }),
      /^metadata: expected at most 64 keys, got an object$/,
    ],
    [
      'a long string in metadata',
      said('x', { metadata: { a: 'x'.repeat(4097) } }),
      /^metadata\.a: expected .*4096.*, got "x+…$/,
    ],
    [
      'a long list in metadata',
      said('x', { metadata: { a: Array(65).fill(1) } }),
      /^metadata\.a: expected .*64.*, got an array of 65$/,
    ],
    [
      'a long key of metadata',
      said('x', { metadata: { ['k'.repeat(129)]: 1 } }),
      /^metadata\.k+…: expected a key of 1 to 128 characters, got "k+…$/,
    ],
    ['an empty key of metadata', said('x', { metadata: { '': 1 } }), /^metadata\.: expected .*key/],
  ]),
]
