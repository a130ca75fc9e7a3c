import { describe, expect, it } from 'vitest'
import { FrameTooLargeError, InvalidMessageError } from '../../../plugin-sdk/errors.ts'
import {
  encodeFrame,
  endFrame,
  errorFrame,
  heartbeatFrame,
  MAX_FRAME_BYTES,
  parseLine,
  streamFrame,
} from '../../../plugin-sdk/protocol.ts'
import { SCANNER_LIMIT } from '../../helpers/plugin-sdk/fake-daemon/line-scanner.ts'

describe('outgoing frames', () => {
  it('always have data, as the daemon requires', () => {
    const error = { error_type: 'E', message: 'm', args: {} }
    expect(
      [heartbeatFrame(), streamFrame('s', {}), errorFrame('s', error), endFrame('s')].map((frame) =>
        encodeFrame(frame),
      ),
    ).toEqual([
      '{"event":"heartbeat","session_id":null,"data":{}}',
      '{"event":"session","session_id":"s","data":{"type":"stream","data":{}}}',
      '{"event":"session","session_id":"s","data":{"type":"error","data":{"error_type":"E","message":"m","args":{}}}}',
      '{"event":"session","session_id":"s","data":{"type":"end","data":{}}}',
    ])
  })

  it('are one line for any content', () => {
    expect(encodeFrame(streamFrame('s', { text: 'a\nb\r\u2028\u0000' }))).not.toMatch(/[\n\r]/)
  })

  it("are rejected one byte over the limit, which is below the daemon's limit", () => {
    const frame = (bytes: number) => {
      const overhead = encodeFrame(streamFrame('s', { x: '' })).length
      return streamFrame('s', { x: 'x'.repeat(bytes - overhead) })
    }
    expect(MAX_FRAME_BYTES).toBeLessThan(SCANNER_LIMIT)
    expect(Buffer.byteLength(encodeFrame(frame(MAX_FRAME_BYTES)))).toBe(MAX_FRAME_BYTES)
    expect(() => encodeFrame(frame(MAX_FRAME_BYTES + 1))).toThrow(FrameTooLargeError)
  })

  it('are rejected when they are not serializable as JSON', () => {
    const loop: { self?: object } = {}
    loop.self = loop
    expect(() => encodeFrame(streamFrame('s', loop))).toThrow(InvalidMessageError)
    expect(() => encodeFrame(streamFrame('s', { n: 1n }))).toThrow(/not serializable as JSON/)
  })
})

describe('incoming lines', () => {
  const data = { user_id: 'u', type: 'tool', action: 'invoke_tool' }

  it('may have null or missing ids', () => {
    const parsed = parseLine(
      JSON.stringify({ session_id: 's', conversation_id: null, context: null, event: 'request', data }),
    )
    expect(parsed).toEqual({
      ok: true,
      envelope: {
        session_id: 's',
        conversation_id: null,
        message_id: null,
        app_id: null,
        event: 'request',
        data,
      },
    })
  })

  it.each([
    ['not json', null, 'not JSON'],
    ['[]', null, 'Request field'],
    ['{"event":"request"}', null, 'session_id'],
    ['{"session_id":"","event":"request","data":{}}', null, 'session_id'],
    ['{"session_id":"s","event":"nope","data":{}}', 's', 'event'],
    ['{"session_id":"s","event":"request"}', 's', 'Request field data'],
    [
      '{"session_id":"s","event":"request","data":{"type":"tool","action":7}}',
      's',
      'data.action: expected string',
    ],
  ])('report the problem of %s', (line, sessionId, message) => {
    const parsed = parseLine(line)
    expect(parsed).toMatchObject({ ok: false, sessionId, message: expect.stringContaining(message) })
  })
})
