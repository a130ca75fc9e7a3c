import { type BadInput, bodies, requests } from './bad-input.ts'

const ADD = '/v1/memories'

/** Reading, correcting and deleting memories. */
export const MEMORY_CASES: readonly BadInput[] = [
  ...requests('GET', [
    ['a list without a user', ADD, /^user_id: expected string, got nothing$/],
    ['a list with two users', `${ADD}?user_id=a&user_id=b`, /^user_id: expected string, got an array of 2$/],
    ['an unknown parameter', `${ADD}?user_id=a&page=2`, /^query: unknown field page/],
    ['limit 0', `${ADD}?user_id=a&limit=0`, /^limit: expected an integer from 1 to 500, got "?0"?$/],
    ['limit 501', `${ADD}?user_id=a&limit=501`, /^limit: expected an integer from 1 to 500, got "?501"?$/],
    ['limit ten', `${ADD}?user_id=a&limit=ten`, /^limit: expected an integer from 1 to 500, got "ten"$/],
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
      'a correction to spaces',
      { user_id: 'ada', memory: ' \n ' },
      /^memory: expected a non-empty string, got " \\n "$/,
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
      'a month that does not exist',
      { user_id: 'ada', event_date: '2026-13' },
      /^event_date: expected a date: .*, got "2026-13"$/,
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
    [
      'a correction of the user id',
      { user_id: 'ada', memory: 'x', agent_id: 'b' },
      /^body: unknown field agent_id/,
    ],
  ]),
  ...bodies('POST', `${ADD}/x/restore`, [
    ['version 0', { user_id: 'ada', version: 0 }, /^version: expected an integer from 1 to \d+, got 0$/],
  ]),
  ...requests('DELETE', [
    ['forgetting without a user', ADD, /^user_id: expected string, got nothing$/],
    ['forgetting with a conversation', `${ADD}?user_id=a&agent_id=b`, /^query: unknown field agent_id/],
  ]),
]
