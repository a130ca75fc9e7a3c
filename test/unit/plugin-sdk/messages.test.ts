import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidMessageError } from '../../../plugin-sdk/errors.ts'
import * as messages from '../../../plugin-sdk/messages.ts'
import { assertToolMessage, RESERVED_VARIABLES } from '../../../plugin-sdk/messages.ts'
import { nodeOutput } from '../../helpers/plugin-sdk/fake-daemon/tool-output.ts'

describe('messages', () => {
  it('have the shapes that Dify reads', () => {
    const opened = messages.logMessage({ label: 'Search', data: { query: 'x' } })
    const child = messages.logMessage({ label: 'Rank', parent: opened })
    expect([
      messages.textMessage(''),
      messages.jsonMessage({}),
      messages.jsonMessage([]),
      messages.linkMessage('https://dify.ai'),
      messages.imageMessage('https://dify.ai/x.png'),
      messages.variableMessage('count', 0),
      messages.streamVariableMessage('answer', ''),
      messages.retrieverResourcesMessage([{ position: 1, content: 'c' }], 'ctx'),
      child,
    ]).toEqual([
      { type: 'text', message: { text: '' }, meta: null },
      { type: 'json', message: { json_object: {} }, meta: null },
      { type: 'json', message: { json_object: [] }, meta: null },
      { type: 'link', message: { text: 'https://dify.ai' }, meta: null },
      { type: 'image', message: { text: 'https://dify.ai/x.png' }, meta: null },
      { type: 'variable', message: { variable_name: 'count', variable_value: 0, stream: false }, meta: null },
      {
        type: 'variable',
        message: { variable_name: 'answer', variable_value: '', stream: true },
        meta: null,
      },
      {
        type: 'retriever_resources',
        message: { retriever_resources: [{ position: 1, content: 'c' }], context: 'ctx' },
        meta: null,
      },
      {
        type: 'log',
        message: {
          id: child.message.id,
          label: 'Rank',
          parent_id: opened.message.id,
          error: null,
          status: 'start',
          data: {},
          metadata: null,
        },
        meta: null,
      },
    ])
  })

  it('close a log entry with the same id', () => {
    const opened = messages.logMessage({ label: 'Search', data: { query: 'x' }, metadata: { started_at: 1 } })
    const done = messages.finishLogMessage(opened, { data: { hits: 2 }, metadata: { finished_at: 3 } })
    expect(done.message).toEqual({
      ...opened.message,
      status: 'success',
      data: { query: 'x', hits: 2 },
      metadata: { started_at: 1, finished_at: 3 },
    })
    expect(messages.finishLogMessage(opened, { error: 'no store' }).message).toMatchObject({
      id: opened.message.id,
      status: 'error',
      error: 'no store',
    })
  })

  it.each([false, 0, '', null, [], {}])('accept the falsy value %j as a variable', (value) => {
    expect(messages.variableMessage('v', value).message.variable_value).toEqual(value)
  })

  it.each(RESERVED_VARIABLES)('reject the reserved variable name %s', (name) => {
    expect(() => messages.variableMessage(name, 1)).toThrow(/reserved by Dify/)
    expect(() => messages.streamVariableMessage(name, 'x')).toThrow(/reserved by Dify/)
    const byHand = {
      type: 'variable',
      message: { variable_name: name, variable_value: 1, stream: false },
      meta: null,
    }
    expect(() => assertToolMessage(byHand)).toThrow(/reserved by Dify/)
  })

  it.each([
    [
      'json null',
      () => messages.jsonMessage(null as unknown as object),
      /json: expected an object or an array, got null/,
    ],
    ['json text', () => messages.jsonMessage('{}' as unknown as object), /got "{}"/],
    [
      'text of a number',
      () => messages.textMessage(7 as unknown as string),
      /text: expected a string, got 7/,
    ],
    ['an empty link', () => messages.linkMessage(''), /link: expected a URL/],
    ['a relative image', () => messages.imageMessage('/x.png'), /image: expected an http or https URL/],
    [
      'a variable without a name',
      () => messages.variableMessage('', 1),
      /variable name: expected a non-empty string/,
    ],
    [
      'a variable without a value',
      () => messages.variableMessage('v', undefined),
      /variable v: .*got nothing/,
    ],
    ['a variable that JSON would make null', () => messages.variableMessage('v', Number.NaN), /got NaN/],
    [
      'a streamed number',
      () => messages.streamVariableMessage('v', 1 as unknown as string),
      /expected a string, got 1/,
    ],
    [
      'a blob of text',
      () => messages.blobMessages('x' as unknown as Uint8Array, { mime_type: 'a/b' }),
      /Uint8Array/,
    ],
    ['a blob without a type', () => messages.blobMessages(new Uint8Array(), {} as never), /mime_type/],
    [
      'an oversize blob',
      () => messages.blobMessages(new Uint8Array(messages.MAX_BLOB_BYTES + 1), { mime_type: 'a/b' }),
      /at most 31457280/,
    ],
  ])('reject %s before anything is sent', (_name, make, expected) => {
    expect(make).toThrow(InvalidMessageError)
    expect(make).toThrow(expected)
  })

  it.each([
    undefined,
    null,
    'x',
    {},
    { type: 'nope', message: {} },
    { type: 'text', message: 'x' },
    { type: 'text', message: [] },
  ])('reject %j as a message', (value) => {
    expect(() => assertToolMessage(value)).toThrow(InvalidMessageError)
  })
})

describe('blobs', () => {
  const sizes = fc.oneof(fc.constantFrom(0, 1, 8191, 8192, 8193, 16_384), fc.nat({ max: 40_000 }))

  it('are split into chunks that Dify reassembles byte for byte', () => {
    fc.assert(
      fc.property(sizes, fc.nat({ max: 255 }), fc.nat({ max: 9 }), (size, seed, offset) => {
        // A view into a larger buffer, as files and pools give them.
        const pool = new Uint8Array(size + offset).map((_, i) => (i * 31 + seed) % 256)
        const content = pool.subarray(offset)
        const chunks = [...messages.blobMessages(content, { mime_type: 'a/b', filename: 'f' })]
        for (const chunk of chunks) assertToolMessage(chunk)
        expect(chunks.map((chunk) => chunk.message.sequence)).toEqual(chunks.map((_, i) => i))
        expect(chunks.map((chunk) => chunk.message.end)).toEqual(
          chunks.map((_, i) => i === chunks.length - 1),
        )
        const { files } = nodeOutput({ chunks })
        expect(files).toHaveLength(1)
        expect(files[0]?.content.equals(content)).toBe(true)
        expect(files[0]?.meta).toEqual({ mime_type: 'a/b', filename: 'f' })
      }),
      { numRuns: 40 },
    )
  })

  it('can be interleaved', () => {
    const a = [...messages.blobMessages(Buffer.alloc(20_000, 1), { mime_type: 'a/a' })]
    const b = [...messages.blobMessages(Buffer.alloc(20_000, 2), { mime_type: 'b/b' })]
    const { files } = nodeOutput({
      chunks: a.flatMap((chunk, i) => [chunk, b[i]].filter((c) => c !== undefined)),
    })
    expect(files.map(({ content }) => [content.length, content[0]])).toEqual([
      [20_000, 1],
      [20_000, 2],
    ])
  })
})
