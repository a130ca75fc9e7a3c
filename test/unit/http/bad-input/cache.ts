import { type BadInput, bodies, requests } from './bad-input.ts'

/** Cache entries. */
export const CACHE_CASES: readonly BadInput[] = [
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
    ['turn 0 of a read', '/v1/cache/k?turn=0', /^turn: expected an integer from 1.*, got "?0"?$/],
    ['turn abc of a read', '/v1/cache/k?turn=abc', /^turn: expected an integer.*, got "abc"$/],
    [
      'window_size 501 of a read',
      '/v1/cache/k?window_size=501',
      /^window_size: expected an integer from 0 to 500, got "?501"?$/,
    ],
    [
      'a key of 513 characters',
      `/v1/cache/${'k'.repeat(513)}`,
      /^key: expected at most 512 characters, got "k+…$/,
    ],
  ]),
]
