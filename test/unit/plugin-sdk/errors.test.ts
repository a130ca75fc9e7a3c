import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidParameterError, PluginError, toWireError } from '../../../plugin-sdk/errors.ts'
import { isError } from '../../helpers/plugin-sdk/fake-daemon/session-router.ts'

describe('wire errors', () => {
  it('are valid for the daemon for anything thrown', () => {
    const thrown = fc.oneof(
      fc.anything(),
      fc.string().map((message) => new Error(message)),
      fc
        .tuple(fc.string(), fc.dictionary(fc.string(), fc.anything(), { maxKeys: 20 }))
        .map(([message, args]) => new PluginError(message, { args })),
    )
    fc.assert(
      fc.property(thrown, (value) => {
        expect(isError(JSON.parse(JSON.stringify(toWireError(value))))).toBe(true)
      }),
    )
  })

  it('contain the name and the args of the error', () => {
    expect(
      toWireError(new InvalidParameterError('p is required', { args: { parameter: 'p', at: { n: 1 } } })),
    ).toEqual({
      error_type: 'InvalidParameterError',
      message: 'p is required',
      args: { parameter: 'p', at: '{"n":1}' },
    })
    expect(toWireError(new TypeError('x is not a function'))).toMatchObject({
      error_type: 'TypeError',
      args: {},
    })
  })

  it('redact secrets in message and args, longer ones first', () => {
    const error = new PluginError('key sk-12345678 failed', { args: { key: 'sk-12345678', part: 'sk-1' } })
    const wire = toWireError(error, ['sk-1', 'sk-12345678'])
    expect(wire).toMatchObject({ message: 'key *** failed', args: { key: '***', part: '***' } })
  })

  it('omit stack lines and truncate long texts', () => {
    const nested = new Error('inner')
    const { message } = toWireError(new Error(`outer: ${nested.stack}\n${'x'.repeat(5000)}`))
    expect(message).not.toMatch(/\n\s+at /)
    expect(message.length).toBeLessThanOrEqual(2000)
    expect(message).toContain('outer: Error: inner')
  })

  it('do not repeat a thrown value that is not an Error', () => {
    expect(JSON.stringify(toWireError({ token: 'sk-secret' }))).not.toContain('sk-secret')
  })
})
