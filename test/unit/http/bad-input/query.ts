import { type BadInput, bodies } from './bad-input.ts'

const SEARCH = '/v1/memories/search'
const RECALL = '/v1/recall'
const query = { user_id: 'ada', query: 'tea' }
const deep = (levels: number): object => (levels === 0 ? { id: 'x' } : { NOT: deep(levels - 1) })

/** Search and recall. */
export const QUERY_CASES: readonly BadInput[] = [
  ...bodies('POST', RECALL, [
    ['a string for a body', 'x', /^body: expected object, got "x"$/],
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
    [
      'window_size 2.5',
      { ...query, window_size: 2.5 },
      /^window_size: expected an integer from 0 to 500, got 2\.5$/,
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
]
