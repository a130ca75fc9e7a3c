import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { derivedId, scopeKey } from '../../sidecar/memory/model/scope.ts'
import { anyText } from '../helpers/any-text.ts'

const NAME = fc.oneof(
  fc.string({
    unit: fc.constantFrom('a', 'A', '/', '%', '2', 'F', '*', ' ', '.', ':', 'é', '阿'),
    maxLength: 4,
  }),
  anyText({ maxLength: 8 }).filter((text) => text.isWellFormed()),
)
const SCOPE = fc.record({ namespace: NAME, userId: NAME })

describe('scopeKey', () => {
  it('differs for different scopes', () => {
    fc.assert(
      fc.property(SCOPE, SCOPE, (one, other) => {
        const same = one.namespace === other.namespace && one.userId === other.userId
        expect(scopeKey(one) === scopeKey(other)).toBe(same)
      }),
      { numRuns: 2000 },
    )
    expect(scopeKey({ namespace: 'a', userId: 'b/c' })).not.toBe(scopeKey({ namespace: 'a/b', userId: 'c' }))
    expect(scopeKey({ namespace: 'a', userId: 'b/c' })).not.toBe(
      scopeKey({ namespace: 'a', userId: 'b%2Fc' }),
    )
  })

  it('contains exactly one slash, whatever the names contain', () => {
    fc.assert(fc.property(SCOPE, (scope) => scopeKey(scope).split('/').length === 2))
  })
})

describe('derivedId', () => {
  it('is a version 5 UUID, equal only for equal parts', () => {
    fc.assert(
      fc.property(fc.array(NAME, { maxLength: 3 }), fc.array(NAME, { maxLength: 3 }), (one, other) => {
        expect(derivedId(...one)).toMatch(
          /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
        )
        expect(derivedId(...one) === derivedId(...other)).toBe(JSON.stringify(one) === JSON.stringify(other))
      }),
    )
  })

  it('never changes, because stored records have such ids', () => {
    expect(derivedId('turn', 'c', '1')).toBe('df9f09de-da21-5d1f-9b24-26a9dafdb8c3')
    expect(derivedId('turn', 'c1', '')).not.toBe(derivedId('turn', 'c', '1'))
  })
})
