import { describe, expect, it } from 'vitest'
import { FrameTooLargeError, InvalidMessageError } from '../../plugin-sdk/errors.ts'
import {
  encodeFrame,
  endFrame,
  errorFrame,
  heartbeatFrame,
  logFrame,
  MAX_FRAME_BYTES,
  parseLine,
  streamFrame,
} from '../../plugin-sdk/protocol.ts'
import { SCANNER_LIMIT } from './fake-daemon/line-scanner.ts'

describe('outgoing frames', () => {
  it('carry data in every frame, as the daemon requires', () => {
    const error = { error_type: 'E', message: 'm', args: {} }
    expect(
      [
        heartbeatFrame(),
        logFrame('info', 'm', 1.5),
        streamFrame('s', {}),
        errorFrame('s', error),
        endFrame('s'),
      ].map((frame) => encodeFrame(frame)),
    ).toEqual([
      '{"event":"heartbeat","session_id":null,"data":{}}',
      '{"event":"log","session_id":null,"data":{"level":"info","message":"m","timestamp":1.5}}',
      '{"event":"session","session_id":"s","data":{"type":"stream","data":{}}}',
      '{"event":"session","session_id":"s","data":{"type":"error","data":{"error_type":"E","message":"m","args":{}}}}',
      '{"event":"session","session_id":"s","data":{"type":"end","data":{}}}',
    ])
  })

  it('stay on one line whatever they hold', () => {
    expect(encodeFrame(streamFrame('s', { text: 'a\nb\r\u2028\u0000' }))).not.toMatch(/[\n\r]/)
  })

  it('are refused at one byte over the limit, which is below the one that kills', () => {
    const frame = (bytes: number) => {
      const overhead = encodeFrame(streamFrame('s', { x: '' })).length
      return streamFrame('s', { x: 'x'.repeat(bytes - overhead) })
    }
    expect(MAX_FRAME_BYTES).toBeLessThan(SCANNER_LIMIT)
    expect(Buffer.byteLength(encodeFrame(frame(MAX_FRAME_BYTES)))).toBe(MAX_FRAME_BYTES)
    expect(() => encodeFrame(frame(MAX_FRAME_BYTES + 1))).toThrow(FrameTooLargeError)
  })

  it('are refused when JSON cannot hold them', () => {
    const loop: { self?: object } = {}
    loop.self = loop
    expect(() => encodeFrame(streamFrame('s', loop))).toThrow(InvalidMessageError)
    expect(() => encodeFrame(streamFrame('s', { n: 1n }))).toThrow(/cannot be written as JSON/)
  })
})

describe('incoming lines', () => {
  const data = { user_id: 'u', type: 'tool', action: 'invoke_tool' }

  it('are read with null and missing ids alike', () => {
    const parsed = parseLine(
      JSON.stringify({ session_id: 's', conversation_id: null, context: null, event: 'request', data }),
    )
    expect(parsed).toEqual({
      kind: 'request',
      envelope: {
        session_id: 's',
        conversation_id: null,
        message_id: null,
        app_id: null,
        endpoint_id: null,
        context: {},
        event: 'request',
        data,
      },
    })
  })

  it('keep backwards responses apart', () => {
    const line = { session_id: 's', event: 'backwards_response' }
    const response = { backwards_request_id: 'r', event: 'response', message: 'struct', data: { ok: 1 } }
    expect(parseLine(JSON.stringify({ ...line, data: response }))).toMatchObject({
      kind: 'backwards_response',
      envelope: { session_id: 's', data: response },
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
  ])('say what is wrong with %s', (line, sessionId, message) => {
    const parsed = parseLine(line)
    expect(parsed).toMatchObject({ kind: 'malformed', sessionId })
    expect(parsed.kind === 'malformed' && parsed.message).toContain(message)
  })
})
