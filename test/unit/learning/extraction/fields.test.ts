import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readDate, readImportance, readNumbers } from '../../../../sidecar/learning/extraction/fields.ts'
import type { Json } from '../../../../sidecar/learning/extraction/model-json.ts'

describe('readDate', () => {
  it.each<[Json, string | null]>([
    ['2026-05-03', '2026-05-03'],
    ['2026-5-3', '2026-05-03'],
    ['2026/05/03', '2026-05-03'],
    ['2026-05', '2026-05'],
    ['2026', '2026'],
    [2026, '2026'],
    ['2026-05-03T10:00:00Z', '2026-05-03'],
    ['2026年5月3日', '2026-05-03'],
    ['2026년 5월', '2026-05'],
    ['２０２６年', '2026'],
    ['3 May 2026', '2026-05-03'],
    ['Sunday, 3rd of May 2026', '2026-05-03'],
    ['May 3, 2026', '2026-05-03'],
    ['September 2026', '2026-09'],
    [null, null],
    ['', null],
    ['N/A', null],
    ['不明', null],
    ['2026-02-30', null],
    ['2026-13', null],
    ['0099', null],
    ['yesterday', null],
    ['12 June', null],
    [{}, null],
  ])('reads %j as %j', (written, date) => {
    expect(readDate(written)).toBe(date)
  })
})

describe('readNumbers', () => {
  it.each<[Json, number[]]>([
    [3, [3]],
    [
      [1, '2'],
      [1, 2],
    ],
    ['1-3', [1, 2, 3]],
    ['[1], [4]', [1, 4]],
    ['#2 and msg_5', [2, 5]],
    [{ number: 2 }, [2]],
    ['１、２', [1, 2]],
    ['2026-05-03', []],
    ['3-1', [3, 1]],
    [null, []],
    ['the first', []],
  ])('reads %j as %j', (written, numbers) => {
    expect(readNumbers(written)).toEqual(numbers)
  })
})

describe('readImportance', () => {
  it.each<[Json, number]>([
    [4, 4],
    ['5', 5],
    [0, 1],
    [99, 5],
    [0.8, 4],
    ['8/10', 4],
    ['High', 4],
    [null, 3],
    ['very', 3],
    ['3/0', 3],
  ])('reads %j as %j', (written, importance) => {
    expect(readImportance(written)).toBe(importance)
  })
})

describe('all fields', () => {
  it('stay within their bounds for any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (written) => {
        const value = written as Json
        expect([1, 2, 3, 4, 5]).toContain(readImportance(value))
        expect(readDate(value) ?? '2026').toMatch(/^\d{4}(?:-\d\d(?:-\d\d)?)?$/u)
        expect(readNumbers(value).every((number) => typeof number === 'number')).toBe(true)
      }),
    )
  })
})
