import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLineReader } from '../../../plugin-sdk/line-reader.ts'
import { anyText } from '../../helpers/any-text.ts'

function readAll(chunks: Uint8Array[], maxBytes?: number) {
  const lines: string[] = []
  const oversize: { bytes: number; head: string }[] = []
  const reader = createLineReader({
    onLine: (line) => lines.push(line),
    onOversize: (report) => oversize.push(report),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  })
  for (const chunk of chunks) reader.push(chunk)
  reader.end()
  return { lines, oversize }
}

function cut(bytes: Uint8Array, cuts: number[]): Uint8Array[] {
  const borders = [0, ...cuts.map((at) => at % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return borders.slice(1).map((end, i) => bytes.subarray(borders[i], end))
}

const line = anyText({ maxLength: 40 }).map((text) => text.replace(/[\r\n]/g, ''))

describe('line reader', () => {
  it('returns the same lines for any chunking', () => {
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat()), fc.boolean(), (lines, cuts, closed) => {
        const bytes = Buffer.from(lines.join('\n') + (closed ? '\n' : ''))
        // Lone surrogates do not survive UTF-8, in any chunking.
        const expected = lines
          .map((text) => Buffer.from(text).toString('utf8'))
          .filter((text) => text.trim() !== '')
        expect(readAll(cut(bytes, cuts)).lines).toEqual(expected)
      }),
    )
  })

  it('skips only oversize lines for any chunking', () => {
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat()), fc.integer({ min: 1, max: 60 }), (lines, cuts, max) => {
        const bytes = Buffer.from(`${lines.join('\n')}\n`)
        const fits = (text: string) => Buffer.byteLength(text) <= max
        const { lines: got, oversize } = readAll(cut(bytes, cuts), max)
        const whole = lines.map((text) => Buffer.from(text).toString('utf8'))
        expect(got).toEqual(whole.filter((text) => fits(text) && text.trim() !== ''))
        expect(oversize.map(({ bytes }) => bytes)).toEqual(
          lines.filter((text) => !fits(text)).map((text) => Buffer.byteLength(text)),
        )
      }),
    )
  })

  it('joins a character that is split between chunks', () => {
    const bytes = Buffer.from('{"a":"grüße 🦛"}\n')
    for (let at = 1; at < bytes.length; at += 1) {
      expect(readAll([bytes.subarray(0, at), bytes.subarray(at)]).lines).toEqual(['{"a":"grüße 🦛"}'])
    }
  })

  it('accepts a line of exactly the limit and reports the head of a longer one', () => {
    const start = '{"session_id":"s-1","x":"'
    const fits = start.padEnd(1000, 'x')
    const { lines, oversize } = readAll([Buffer.from(`${fits}\n${fits}x\nnext\n`)], 1000)
    expect(lines).toEqual([fits, 'next'])
    expect(oversize).toEqual([{ bytes: 1001, head: fits.slice(0, 256) }])
  })

  it('reports an oversize line without a newline', () => {
    expect(readAll([Buffer.alloc(50, 120), Buffer.alloc(50, 120)], 60)).toEqual({
      lines: [],
      oversize: [{ bytes: 100, head: 'x'.repeat(100) }],
    })
  })

  it('keeps no reference to its chunks', () => {
    const chunk = Buffer.from('half')
    const lines: string[] = []
    const reader = createLineReader({ onLine: (text) => lines.push(text), onOversize: () => {} })
    reader.push(chunk)
    chunk.fill(0)
    reader.push(Buffer.from(' line\n'))
    expect(lines).toEqual(['half line'])
  })

  it('removes carriage returns and blank lines', () => {
    expect(readAll([Buffer.from('a\r\n\r\n \n\nb')]).lines).toEqual(['a', 'b'])
  })

  it.each([0, -1, 1.5, Number.NaN])('rejects a limit of %s', (maxBytes) => {
    expect(() => createLineReader({ onLine() {}, onOversize() {}, maxBytes })).toThrow(/maxBytes.*integer/)
  })
})
