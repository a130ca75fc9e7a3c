import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeEntry, encodeEntry } from '../../../sidecar/adapters/redis/cache.ts'
import { redisKey } from '../../../sidecar/adapters/redis/keys.ts'
import { anyText } from '../../helpers/any-text.ts'

describe('an entry in Redis', () => {
  it('decodes to what was encoded', () => {
    fc.assert(
      fc.property(anyText(), fc.maxSafeNat(), (value, storedAt) => {
        expect(decodeEntry(encodeEntry({ value, storedAt }))).toEqual({ value, storedAt })
      }),
    )
  })

  it('is ignored when another version or program wrote it', () => {
    for (const text of [
      '',
      '1',
      '1:',
      '1:v',
      '2abc:v',
      'abc:v',
      '1abc',
      '1a b:v',
      '1-5:v',
      `1${'z'.repeat(40)}:v`,
    ]) {
      expect(decodeEntry(text), text).toBeUndefined()
    }
  })
})

describe('a key in Redis', () => {
  // Few characters, so that keys collide easily.
  const key = fc.string({ unit: fc.constantFrom('a', 'b', '/', '{', '}', ':', '\n'), maxLength: 9 })

  it('is unique per key', () => {
    fc.assert(
      fc.property(key, key, (one, other) => {
        expect(redisKey('p:', one) === redisKey('p:', other)).toBe(one === other)
      }),
      { numRuns: 5_000 },
    )
  })

  it('has the scope as its hash tag, or an empty one', () => {
    const tagOf = (text: string) => /\{([^}]*)\}/.exec(text)?.[1]
    fc.assert(
      fc.property(key, (one) => {
        const [, , scope] = /^([^/{}]+)\/([^/{}]+)\//.exec(one) ?? []
        expect(tagOf(redisKey('p:', one))).toBe(scope ?? '')
      }),
    )
    expect(redisKey('p:', 'author/ns/a/b')).toBe('p:{ns}author/a/b')
    expect(redisKey('p:', 'block/ns/x').match(/\{.*\}/)?.[0]).toBe(
      redisKey('p:', 'author/ns/y').match(/\{.*\}/)?.[0],
    )
  })
})
