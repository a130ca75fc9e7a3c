import { PassThrough, Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { FrameTooLargeError, TransportClosedError } from '../../../plugin-sdk/errors.ts'
import { createLineWriter } from '../../../plugin-sdk/line-writer.ts'

/** A stream that takes a chunk only when it is told to. */
function createValve() {
  const chunks: string[] = []
  const open: (() => void)[] = []
  const stream = new Writable({
    highWaterMark: 1,
    write(chunk, _encoding, done) {
      chunks.push(chunk.toString())
      open.push(done)
    },
  })
  return { stream, chunks, takeOne: () => open.shift()?.() }
}

describe('line writer', () => {
  it('writes each line and its newline in one write', async () => {
    const chunks: string[] = []
    const stream = new Writable({
      write(chunk, _encoding, done) {
        chunks.push(chunk.toString())
        done()
      },
    })
    const writer = createLineWriter(stream)
    await Promise.all(['{"a":1}', '{"b":2}', 'grüße'].map((line) => writer.write(line)))
    expect(chunks).toEqual(['{"a":1}\n', '{"b":2}\n', 'grüße\n'])
  })

  it('waits for a slow reader and keeps the order', async () => {
    const valve = createValve()
    const writer = createLineWriter(valve.stream)
    const written: number[] = []
    const all = [1, 2, 3].map((n) => writer.write(String(n)).then(() => written.push(n)))
    await new Promise(setImmediate)
    expect(valve.chunks).toEqual(['1\n'])
    expect(written).toEqual([])
    for (let n = 1; n <= 3; n += 1) {
      valve.takeOne()
      await all[n - 1]
      await new Promise(setImmediate)
      expect(valve.chunks).toHaveLength(Math.min(3, n + 1))
    }
    expect(written).toEqual([1, 2, 3])
  })

  it('rejects a line over the byte limit and continues', async () => {
    const stream = new PassThrough()
    const writer = createLineWriter(stream, { maxBytes: 10 })
    await writer.write('x'.repeat(10))
    await expect(writer.write('ü'.repeat(6))).rejects.toThrow(FrameTooLargeError)
    await writer.write('next')
    expect(stream.read().toString()).toBe('xxxxxxxxxx\nnext\n')
  })

  it('flushes until the bytes are written, not only accepted', async () => {
    const open: (() => void)[] = []
    const stream = new Writable({ write: (_chunk, _encoding, done) => void open.push(done) })
    const writer = createLineWriter(stream)
    await writer.write('accepted immediately')
    let flushed = false
    const flush = writer.flush().then(() => {
      flushed = true
    })
    await new Promise(setImmediate)
    expect(flushed).toBe(false)
    open.shift()?.()
    await flush
  })

  it('yields to the event loop during many writes', async () => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done() })
    const writer = createLineWriter(stream)
    let turned = false
    let lines = 0
    setImmediate(() => {
      turned = true
    })
    while (!turned && lines < 1000) {
      await writer.write(String(lines))
      lines += 1
    }
    expect(lines).toBeLessThan(1000)
  })

  it('rejects pending and future lines when the stream fails', async () => {
    const valve = createValve()
    valve.stream.on('error', () => {})
    const writer = createLineWriter(valve.stream)
    const waiting = Promise.allSettled([writer.write('1'), writer.write('2')])
    await new Promise(setImmediate)
    valve.stream.destroy(new Error('EPIPE'))
    const results = await waiting
    expect(results.map((result) => result.status === 'rejected' && result.reason.name)).toEqual([
      'TransportClosedError',
      'TransportClosedError',
    ])
    await expect(writer.write('3')).rejects.toThrow(TransportClosedError)
    await writer.flush()
  })
})
