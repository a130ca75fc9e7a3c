import { describe, expect, it } from 'vitest'
import type { ToolParameter } from '../../../plugin-sdk/declarations/index.ts'
import { InvalidParameterError } from '../../../plugin-sdk/errors.ts'
import { fillParameters } from '../../../plugin-sdk/parameters.ts'

function parameter(type: string, more: Partial<ToolParameter> = {}): ToolParameter {
  const label = { en_US: 'P' }
  return { name: 'p', type, form: 'llm', required: false, label, human_description: label, ...more }
}

const options = ['low', '7'].map((value) => ({ value, label: { en_US: value } }))
const file = { dify_model_identity: '__dify__file__', url: 'http://x/y' }

describe('parameters', () => {
  it.each<[string, Partial<ToolParameter>, unknown, unknown]>([
    ['string', {}, 'x', 'x'],
    ['string', {}, 7, '7'],
    ['string', {}, { a: 1 }, '{"a":1}'],
    ['string', { default: 'd' }, '', ''],
    ['number', {}, '7', 7],
    ['number', {}, ' 2.5 ', 2.5],
    ['number', {}, 0, 0],
    ['number', { default: 3 }, '', 3],
    ['number', { min: 0, max: 1 }, '1', 1],
    ['boolean', {}, 'true', true],
    ['boolean', {}, 'False', false],
    ['boolean', {}, 0, false],
    ['boolean', { default: true }, false, false],
    ['boolean', { default: false }, null, false],
    ['select', { options }, 'low', 'low'],
    ['select', { options }, 7, '7'],
    ['select', { options, default: 'low' }, '', 'low'],
    ['select', { options, multiple: true }, ['low', 7], ['low', '7']],
    ['select', { options, multiple: true }, 'low', ['low']],
    ['dynamic-select', {}, 'anything', 'anything'],
    ['array', {}, [1], [1]],
    ['array', {}, '[1]', [1]],
    ['object', {}, '{"a":1}', { a: 1 }],
    ['object', { default: { a: 1 } }, '', { a: 1 }],
    ['file', {}, file, file],
    ['file', {}, [file], file],
    ['files', {}, file, [file]],
    ['files', {}, [], []],
    ['any', {}, '', ''],
    ['any', {}, 7, 7],
    ['model-selector', {}, { provider: 'p' }, { provider: 'p' }],
  ])('%s %j reads %j as %j', (type, more, given, expected) => {
    expect(fillParameters([parameter(type, more)], { p: given })).toEqual({ p: expected })
  })

  it.each<[string, Partial<ToolParameter>, unknown, RegExp]>([
    ['number', {}, 'seven', /expected a number, got "seven"/],
    ['number', {}, true, /expected a number, got true/],
    ['number', {}, 'Infinity', /expected a number/],
    ['number', { min: 1, max: 9 }, 10, /expected a number of at least 1 and at most 9, got 10/],
    ['boolean', {}, 'perhaps', /expected true or false, got "perhaps"/],
    ['select', { options }, 'high', /expected one of low, 7, got "high"/],
    ['select', { options, multiple: true }, ['low', 'high'], /expected a list of low, 7, got an array/],
    ['array', {}, '{"a":1}', /expected an array/],
    ['array', {}, 'a, b', /expected an array/],
    ['object', {}, [], /expected an object, got an array/],
    ['file', {}, [file, file], /expected one file/],
    ['files', {}, 'x', /expected a list of files/],
  ])('%s %j rejects %j', (type, more, given, message) => {
    const fill = () => fillParameters([parameter(type, more)], { p: given })
    expect(fill).toThrow(InvalidParameterError)
    expect(fill).toThrow(/^Parameter p: /)
    expect(fill).toThrow(message)
  })

  it.each([undefined, null])('omits an optional parameter without a default when it is %s', (given) => {
    expect(fillParameters([parameter('string')], { p: given })).toEqual({})
  })

  it('fills in the default of a required parameter, or throws an error that names it', () => {
    expect(fillParameters([parameter('number', { required: true, default: 0 })], {})).toEqual({ p: 0 })
    const fill = () => fillParameters([parameter('number', { required: true })], { p: null })
    expect(fill).toThrow('Parameter p is required, got null')
  })

  it('with lenient omits missing parameters and passes invalid ones unchanged', () => {
    const named = (name: string, type: string, more: Partial<ToolParameter> = {}) =>
      parameter(type, { name, required: true, ...more })
    const declared = [
      ...[named('gone', 'string'), named('null', 'string'), named('empty', 'number')],
      ...[named('word', 'number'), named('choice', 'select', { options }), named('list', 'array')],
      ...[named('number', 'number'), named('default', 'number', { default: 3 }), named('text', 'string')],
    ]
    const unreadable = { word: 'seven', choice: 'high', list: '{"a":1}' }
    const given = { null: null, empty: '', ...unreadable, number: '7', text: '', extra: 1 }
    expect(fillParameters(declared, given, { lenient: true })).toEqual({
      ...unreadable,
      ...{ number: 7, default: 3, text: '', extra: 1 },
    })
    expect(() => fillParameters(declared, given)).toThrow(InvalidParameterError)
  })

  it('converts a default to the declared type', () => {
    expect(fillParameters([parameter('number', { default: '5' })], {})).toEqual({ p: 5 })
  })

  it('passes undeclared parameters, including __proto__ as a plain key', () => {
    const given = JSON.parse('{"q":1,"__proto__":{"polluted":true}}')
    const filled = fillParameters([parameter('string')], given)
    expect(Object.keys(filled)).toEqual(['q', '__proto__'])
    expect((filled as { polluted?: boolean }).polluted).toBeUndefined()
  })
})
