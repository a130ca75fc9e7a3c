import { said } from '../../helpers/test-app.ts'

/** A request that returns 400 `invalid_request` with the matching message. */
type BadInput = readonly [name: string, method: string, path: string, body: unknown, message: RegExp]

const ADD = '/v1/memories'
const SEARCH = '/v1/memories/search'
const RECALL = '/v1/recall'
const query = { user_id: 'ada', query: 'tea' }
const deep = (levels: number): object => (levels === 0 ? { id: 'x' } : { NOT: deep(levels - 1) })

function bodies(
  method: string,
  path: string,
  cases: readonly (readonly [name: string, body: unknown, message: RegExp])[],
): BadInput[] {
  return cases.map(([name, body, message]) => [name, method, path, body, message])
}

function requests(
  method: string,
  cases: readonly (readonly [name: string, path: string, message: RegExp])[],
): BadInput[] {
  return cases.map(([name, path, message]) => [name, method, path, undefined, message])
}

export const BAD_INPUT: readonly BadInput[] = [
  ...bodies('POST', ADD, [
    ['a list for a body', [], /^body: expected object, got an array of 0$/],
    ['no user', { messages: [{ role: 'user', content: 'x' }] }, /^user_id: expected string, got nothing$/],
    ['an empty user', said('x', { user_id: '' }), /^user_id: expected a non-empty string, got ""$/],
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
    ['an unknown field', said('x', { userid: 'ada' }), /^body: unknown field userid/],
    [
      'an unknown field of a message',
      { user_id: 'a', messages: [{ role: 'user', content: 'x', text: 'y' }] },
      /^messages\[0\]: unknown field text/,
    ],
    [
      'no messages',
      { user_id: 'ada' },
      /^messages: expected either a list of messages or user_message and assistant_message$/,
    ],
    [
      'messages in two ways',
      { user_id: 'ada', messages: [{ role: 'user', content: 'x' }], user_message: 'x' },
      /^messages: expected either a list of messages or user_message and assistant_message$/,
    ],
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
      { user_id: 'a', messages: [{ role: 'narrator', content: 'x' }] },
      /^messages\[0\]\.role: expected one of .*"user".*, got "narrator"$/,
    ],
    [
      'a number for a content',
      { user_id: 'a', messages: [{ role: 'user', content: 7 }] },
      /^messages\[0\]\.content: expected a string, a list of content parts or null, got 7$/,
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
    [
      'turn -1',
      said('x', { conversation_id: 'c', turn: -1 }),
      /^turn: expected an integer from 0.*, got -1$/,
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
  ...bodies('POST', RECALL, [
    ['an empty query', { user_id: 'ada', query: '' }, /^query: expected a non-empty string, got ""$/],
    ['top_k 0', { ...query, top_k: 0 }, /^top_k: expected an integer from 1 to 100, got 0$/],
    [
      'token_budget -1',
      { ...query, token_budget: -1 },
      /^token_budget: expected an integer from 0 to 100000, got -1$/,
    ],
    [
      'window_size 501',
      { ...query, window_size: 501 },
      /^window_size: expected an integer from 0 to 500, got 501$/,
    ],
    ['an unknown strategy', { ...query, strategy: 'best' }, /^strategy: expected one of .*, got "best"$/],
    [
      'an unknown freshness',
      { ...query, freshness: 'always' },
      /^freshness: expected one of .*, got "always"$/,
    ],
    ['a list for filters', { ...query, filters: [] }, /^filters: expected an object, got an array of 0$/],
    [
      'a filter on an unknown field',
      { ...query, filters: { colour: 'red' } },
      /^filters\.colour: expected metadata\.<key>.*, got "colour"$/,
    ],
    [
      'a filter on __proto__',
      JSON.parse('{"user_id":"ada","query":"x","filters":{"__proto__":{"eq":1}}}'),
      /^filters\.__proto__: expected metadata\.<key>/,
    ],
  ]),
  ...bodies('POST', SEARCH, [
    ['no query', { user_id: 'ada' }, /^query: expected string, got nothing$/],
    ['top_k 101', { ...query, top_k: 101 }, /^top_k: expected an integer from 1 to 100, got 101$/],
    [
      'a filter on constructor',
      { ...query, filters: { constructor: 'x' } },
      /^filters\.constructor: expected metadata\.<key>/,
    ],
    [
      'an unknown operator',
      { ...query, filters: { turn: { near: 1 } } },
      /^filters\.turn: expected one of the operators eq, .*, got "near"$/,
    ],
    [
      'a filter too deep',
      { ...query, filters: deep(20) },
      /^filters(\.NOT)+: expected at most 8 levels of nesting/,
    ],
  ]),
  ...requests('GET', [
    ['a list without a user', ADD, /^user_id: expected string, got nothing$/],
    ['a list with two users', `${ADD}?user_id=a&user_id=b`, /^user_id: expected string, got an array of 2$/],
    ['an unknown parameter', `${ADD}?user_id=a&page=2`, /^query: unknown field page/],
    ['limit 0', `${ADD}?user_id=a&limit=0`, /^limit: expected an integer from 1 to 500, got "?0"?$/],
    ['limit 501', `${ADD}?user_id=a&limit=501`, /^limit: expected an integer from 1 to 500, got "?501"?$/],
    ['an unknown order', `${ADD}?user_id=a&order=best`, /^order: expected one of .*, got "best"$/],
    [
      'an invalid cursor',
      `${ADD}?user_id=a&cursor=abc`,
      /^cursor: expected next_cursor of the previous page, got "abc"$/,
    ],
    [
      'a cursor of another format',
      `${ADD}?user_id=a&cursor=${btoa('[1.5,"x"]')}`,
      /^cursor: expected next_cursor/,
    ],
    ['a memory without a user', `${ADD}/x`, /^user_id: expected string, got nothing$/],
    [
      'an invalid as_of',
      `${ADD}?user_id=a&as_of=yesterday`,
      /^as_of: expected an ISO 8601 time with a time zone, got "yesterday"$/,
    ],
  ]),
  ...bodies('PATCH', `${ADD}/x`, [
    [
      'a correction without fields',
      { user_id: 'ada', reason: 'why not' },
      /^body: expected at least one of memory, topic, .*, metadata$/,
    ],
    [
      'a correction of 10,001 characters',
      { user_id: 'ada', memory: 'x'.repeat(10_001) },
      /^memory: expected at most 10000 characters, got "x+…$/,
    ],
    [
      'importance 6',
      { user_id: 'ada', importance: 6 },
      /^importance: expected an integer from 1 to 5, got 6$/,
    ],
    [
      'a day that does not exist',
      { user_id: 'ada', event_date: '2026-02-30' },
      /^event_date: expected a date: YYYY, YYYY-MM or YYYY-MM-DD, got "2026-02-30"$/,
    ],
    [
      'an expiry without a time zone',
      { user_id: 'ada', expires_at: '2026-02-03T10:00:00' },
      /^expires_at: expected an ISO 8601 time with a time zone, got "2026-02-03T10:00:00"$/,
    ],
    [
      'a correction of the version',
      { user_id: 'ada', memory: 'x', version: 7 },
      /^body: unknown field version/,
    ],
  ]),
  ...bodies('POST', `${ADD}/x/restore`, [
    ['version 0', { user_id: 'ada', version: 0 }, /^version: expected an integer from 1 to \d+, got 0$/],
  ]),
  ...requests('DELETE', [
    ['forgetting without a user', ADD, /^user_id: expected string, got nothing$/],
    ['forgetting with a conversation', `${ADD}?user_id=a&agent_id=b`, /^query: unknown field agent_id/],
  ]),
  ...bodies('PUT', '/v1/cache/k', [
    ['no value', {}, /^value: expected a value \(null is allowed\), got nothing$/],
    ['ttl_s 0', { value: 1, ttl_s: 0 }, /^ttl_s: expected a number of seconds above 0, got 0$/],
    [
      'ttl_s of a year',
      { value: 1, ttl_s: 31_536_000 },
      /^ttl_s: expected at most 2592000 seconds \(30 days\), got 31536000$/,
    ],
    ['ttl_s as string', { value: 1, ttl_s: '60' }, /^ttl_s: expected a number of seconds above 0, got "60"$/],
  ]),
  ...requests('GET', [
    ['turn -1 of a read', '/v1/cache/k?turn=-1', /^turn: expected an integer from 0.*, got "?-1"?$/],
    ['turn abc of a read', '/v1/cache/k?turn=abc', /^turn: expected an integer.*, got "abc"$/],
    [
      'a key of 513 characters',
      `/v1/cache/${'k'.repeat(513)}`,
      /^key: expected at most 512 characters, got "k+…$/,
    ],
  ]),
]
