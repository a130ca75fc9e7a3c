import { describe, expect, it } from 'vitest'
import { lexicalEmbedder } from '../../../../sidecar/adapters/in-process/lexical-embedder.ts'
import type { Embedder } from '../../../../sidecar/ports/embedder.ts'
import { AppError } from '../../../../sidecar/ports/errors.ts'
import { ModelUnavailable } from '../../../../sidecar/ports/language-model.ts'
import type { RecordStore } from '../../../../sidecar/ports/records.ts'
import { ADA, flushes, setUp, unavailable } from '../../../helpers/learning/buffer/helpers.ts'
import { type Behaviour, batchOf, cutOff, gibberish, held } from '../../../helpers/learning/buffer/model.ts'
import { quiet, until } from '../../../helpers/learning/buffer/timers.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** A model that fails on batches with this text. */
const poisonedBy =
  (text: string, how: Behaviour = gibberish): Behaviour =>
  (request) =>
    request.purpose === 'extract' && batchOf(request).includes(text) ? how(request) : undefined

describe('an unavailable model', () => {
  it('is retried with backoff for an hour while the text of the turns is recalled', async () => {
    const at = setUp()
    at.model.always(unavailable('unreachable'))
    await at.post(1, 'I live in Leeds')
    await at.timers.advance(MINUTE)
    await at.post(2, 'I have a cat')
    await at.timers.advance(10 * MINUTE)
    const early = at.model.calls.length
    expect(early).toBeLessThanOrEqual(10)
    await at.post(3, 'I moved to Porto')
    await at.timers.advance(50 * MINUTE)
    expect(at.model.calls.length - early).toBeLessThanOrEqual(5)
    expect(Math.max(...at.timers.set())).toBeLessThanOrEqual(15 * MINUTE)
    expect(await at.recalled('Where do I live?')).toEqual(
      expect.arrayContaining(['I live in Leeds', 'I moved to Porto', 'I have a cat']),
    )
    at.model.always(undefined)
    await at.timers.advance(15 * MINUTE)
    await until(() => flushes(at).length > 0)
    expect(await at.texts()).toEqual(['Ada has a cat.', 'Ada lives in Porto.'])
    expect(flushes(at)).toEqual(['retry'])
    expect(at.buffer.size).toEqual({ scopes: 0, turns: 0 })
  })

  it('is not called more often when more turns are added', async () => {
    const at = setUp({ countTokens: () => 600 })
    at.model.always(unavailable('timeout'))
    for (let turn = 1; turn <= 30; turn++) {
      await at.post(turn, 'I live in Leeds')
      await at.timers.advance(MINUTE)
    }
    expect(at.model.calls.length).toBeLessThanOrEqual(12)
  })

  it('is not called for each conversation in turn', async () => {
    const at = setUp()
    await at.post(1, 'I live in Leeds', { conversationId: 'd' })
    await at.post(1, 'I have a cat')
    // Bounds the test if the calls do not end.
    at.model.always(() => (at.model.calls.length > 20 ? undefined : unavailable('unreachable')()))
    await at.buffer.flush(ADA, 'c')
    await at.timers.advance(MINUTE)
    expect(at.model.calls.length).toBeLessThanOrEqual(6)
  })

  it('is called again after Retry-After, and after a day at most', async () => {
    const at = setUp()
    at.model.next(unavailable('rate_limited', { retryAfterMs: HOUR }))
    await at.post(1, 'I live in Leeds')
    await at.timers.advance(MINUTE)
    await at.post(2, 'I have a cat')
    await at.timers.advance(HOUR - MINUTE)
    expect(at.model.calls).toHaveLength(1)
    await at.timers.advance(2 * MINUTE)
    expect(await at.texts()).toEqual(['Ada has a cat.', 'Ada lives in Leeds.'])

    at.model.next(unavailable('rate_limited', { retryAfterMs: 365 * 24 * HOUR }))
    await at.post(3, 'I speak Welsh')
    await at.timers.advance(MINUTE)
    const asked = at.model.calls.length
    await at.timers.advance(HOUR)
    expect(at.model.calls).toHaveLength(asked)
    await at.timers.advance(24 * HOUR)
    expect(await at.texts()).toContain('Ada speaks Welsh.')
  })

  it('is retried when the clock is set back', async () => {
    const at = setUp()
    at.model.next(unavailable('server_error'))
    await at.post(1, 'I live in Leeds')
    await at.timers.advance(MINUTE)
    at.clock.advance(-30 * 24 * HOUR)
    await at.post(2, 'I have a cat')
    await at.timers.advance(2 * MINUTE)
    expect(await at.texts()).toEqual(['Ada has a cat.', 'Ada lives in Leeds.'])
  })

  it('extracts turns that are added while the clock is a year ahead', async () => {
    const at = setUp()
    await at.post(1, 'I live in Leeds')
    // The queue loads its file at the start; a dispatch after the jump would start the flush too early.
    await quiet()
    at.clock.advance(365 * 24 * HOUR)
    await at.post(2, 'I have a cat')
    at.clock.advance(-365 * 24 * HOUR)
    await at.post(3, 'I speak Welsh')
    expect(await at.recalled('Ada')).toHaveLength(3)
    expect(at.timers.set()).toEqual([MINUTE])
    await at.timers.advance(MINUTE)
    await until(() => flushes(at).length === 1)
    expect(await at.texts()).toEqual(['Ada has a cat.', 'Ada lives in Leeds.', 'Ada speaks Welsh.'])
    expect(at.buffer.size).toEqual({ scopes: 0, turns: 0 })
    expect(await at.pendingStored()).toEqual([])
  })

  it('gets all turns when the clock jumps during a flush', async () => {
    const at = setUp()
    const call = held()
    at.model.next(call.behaviour, unavailable('server_error'))
    await at.post(1, 'I live in Leeds')
    const flushing = at.buffer.flush(ADA)
    await call.reached
    at.clock.advance(-7 * 24 * HOUR)
    await at.post(2, 'I have a cat')
    call.release()
    await flushing
    expect(await at.texts()).toEqual(['Ada lives in Leeds.', 'I have a cat'])
    await at.timers.advance(MINUTE)
    at.clock.advance(30 * 24 * HOUR)
    await at.timers.advance(MINUTE)
    expect(await at.texts()).toEqual(['Ada has a cat.', 'Ada lives in Leeds.'])
  })

  it.each([
    'timeout',
    'rate_limited',
    'server_error',
    'unreachable',
    'circuit_open',
    'bad_answer',
    'refused_key',
  ] as const)('with reason %s is retried without a limit', async (reason) => {
    const at = setUp()
    at.model.always(unavailable(reason))
    await at.post(1, 'I live in Leeds')
    for (let i = 0; i < 8; i++) expect((await at.buffer.flush(ADA)).reason).toBe(reason)
    expect(at.buffer.list(ADA)).toMatchObject([{ attempts: 8, unreadable: 0 }])
    at.model.always(undefined)
    await at.timers.advance(15 * MINUTE)
    expect(await at.texts()).toEqual(['Ada lives in Leeds.'])
  })
})

describe('an unreadable answer', () => {
  it('five times in a row makes the turn failed: still recalled, listed with its reason, extracted on request', async () => {
    const at = setUp()
    at.model.always(gibberish)
    await at.post(1, 'I live in Leeds')
    await at.timers.advance(MINUTE)
    await at.timers.advance(HOUR)
    const [failed] = at.buffer.list(ADA)
    expect(failed).toMatchObject({ attempts: 5, unreadable: 5, error: 'refused', not_before: null })
    const [stored] = await at.pendingStored()
    expect({ ...stored, processing: false }).toEqual(failed)
    expect(await at.turnsStored()).toMatchObject([{ state: 'failed' }])
    const asked = at.model.calls.length
    await at.timers.advance(24 * HOUR)
    expect(at.model.calls).toHaveLength(asked)
    expect(await at.recalled('Leeds')).toEqual(['I live in Leeds'])

    const next = await at.restart()
    await next.timers.advance(24 * HOUR)
    expect(next.model.calls).toHaveLength(asked)
    next.model.always(undefined)
    expect(await next.buffer.flush(ADA)).toMatchObject({ reason: null })
    expect(await next.texts()).toEqual(['Ada lives in Leeds.'])
    expect(await next.pendingStored()).toEqual([])
  })

  it('for one of five turns does not block the other four', async () => {
    const at = setUp()
    at.model.always(poisonedBy('poison'))
    const said = [
      'I live in Leeds',
      'I am a nurse',
      'poison, and I have a cat',
      'I moved to Porto',
      'I am a potter',
    ]
    for (const [i, content] of said.entries()) await at.post(i + 1, content)
    const { reason } = await at.buffer.flush(ADA)
    expect(reason).toBe('refused')
    expect(at.buffer.list(ADA)).toMatchObject([{ turn: 3, unreadable: 1 }])
    expect(await at.texts()).toEqual([
      'Ada lives in Porto.',
      'Ada works as a potter.',
      'poison, and I have a cat',
    ])
    expect(at.buffer.list(ADA).map(({ attempts }) => attempts)).toEqual([1])
  })

  it('for one turn does not stop an explicit flush of other conversations', async () => {
    const at = setUp()
    at.model.always(poisonedBy('poison'))
    await at.post(1, 'poison')
    await at.buffer.flush(ADA)
    await at.post(1, 'I have a cat', { conversationId: 'd' })
    expect(await at.buffer.flush(ADA)).toMatchObject({
      reason: 'refused',
      events: [{ memory: 'Ada has a cat.' }],
    })
  })

  it('for one turn does not flush later turns early', async () => {
    const at = setUp()
    at.model.always(poisonedBy('poison'))
    await at.post(1, 'poison')
    await at.timers.advance(MINUTE)
    await at.post(2, 'I have a cat')
    await at.timers.advance(5000)
    expect(at.model.batches().filter((text) => text.includes('cat'))).toEqual([])
    await at.timers.advance(MINUTE)
    expect(await at.texts()).toEqual(['Ada has a cat.', 'poison'])
  })

  it('counts a request that the endpoint rejects with status 400', async () => {
    const at = setUp()
    at.model.always(poisonedBy('poison', unavailable('bad_answer', { status: 400 })))
    await at.post(1, 'I live in Leeds')
    await at.post(2, 'poison')
    await at.post(3, 'I have a cat')
    await at.buffer.flush(ADA)
    expect(at.buffer.list(ADA)).toMatchObject([{ turn: 2, unreadable: 1 }])
    expect(await at.texts()).toEqual(['Ada has a cat.', 'Ada lives in Leeds.', 'poison'])
  })

  it.each([404, 401])('does not count status %s, which is a configuration error', async (status) => {
    const at = setUp()
    at.model.always(unavailable('bad_answer', { status }))
    await at.post(1, 'I live in Leeds')
    for (let i = 0; i < 6; i++) await at.buffer.flush(ADA)
    expect(at.buffer.list(ADA)).toMatchObject([{ unreadable: 0 }])
  })

  it('in reconciliation stores nothing and is reported in sync mode', async () => {
    const at = setUp()
    await at.post(1, 'I live in Leeds', { mode: 'sync' })
    at.model.always(({ purpose }) => (purpose === 'reconcile' ? { text: 'hm', calls: [] } : undefined))
    const { reason, status } = await at.post(2, 'I moved to Porto', { mode: 'sync' })
    expect({ reason, status }).toEqual({ reason: 'unreadable_decisions', status: 'buffered' })
    expect(await at.texts()).toEqual(['Ada lives in Leeds.', 'I moved to Porto'])
    at.model.always(undefined)
    await at.buffer.flush(ADA)
    expect(await at.texts()).toEqual(['Ada lives in Porto.'])
  })
})

describe('a truncated answer', () => {
  it('splits the batch, down to single messages', async () => {
    const at = setUp()
    at.model.always((request) =>
      request.purpose === 'extract' && batchOf(request).split('\n').length > 1 ? cutOff(request) : undefined,
    )
    const said = ['I live in Leeds', 'I am a nurse', 'I moved to Porto', 'I have a cat', 'I am a potter']
    for (const [i, content] of said.entries()) await at.post(i + 1, content)
    expect(await at.buffer.flush(ADA)).toMatchObject({ reason: null })
    expect(await at.texts()).toEqual(['Ada has a cat.', 'Ada lives in Porto.', 'Ada works as a potter.'])
    const { memories } = await at.services.engine.list(ADA, { limit: 10, accept: () => true })
    const cat = memories.find(({ text }) => text.includes('cat'))
    expect(cat?.sources).toMatchObject([{ turn: 4, ordinal: 0 }])
  })

  it('splits one long message', async () => {
    const at = setUp()
    at.model.always((request) =>
      request.purpose === 'extract' && batchOf(request).length > 3000 ? cutOff(request) : undefined,
    )
    const filler = 'And then we went on about the weather for a good while. '.repeat(60)
    await at.post(1, `I live in Leeds. ${filler} I have a cat. ${filler} I speak Welsh.`)
    expect(await at.buffer.flush(ADA)).toMatchObject({ reason: null })
    expect(await at.texts()).toEqual(['Ada has a cat.', 'Ada lives in Leeds.', 'Ada speaks Welsh.'])
  })
})

describe('sizes', () => {
  it('stores no fact of 100 kB, but the fact beside it', async () => {
    const at = setUp({
      table: {
        flood: [
          { text: `Ada said ${'very '.repeat(20_000)}much.`, topic: 'other' },
          { text: 'Ada saw a flood.', topic: 'other' },
        ],
      },
    })
    await at.post(1, 'There was a flood')
    await at.buffer.flush(ADA)
    const turns = at.buffer.list(ADA)
    const texts = await at.texts()
    expect(texts.every((text) => text.length <= 1000)).toBe(true)
    if (turns.length === 0) expect(texts).toContain('Ada saw a flood.')
  })

  it('extracts from the beginning, middle and end of a message of 100 kB', async () => {
    const at = setUp()
    const filler = 'And then we went on about the weather for a good while. '.repeat(900)
    await at.post(1, `I live in Leeds. ${filler} I have a cat. ${filler} I speak Welsh.`)
    expect(await at.buffer.flush(ADA)).toMatchObject({ reason: null })
    expect(await at.texts()).toEqual(['Ada has a cat.', 'Ada lives in Leeds.', 'Ada speaks Welsh.'])
  })

  it('reads a turn of 1000 messages in parts, and each fact names its message', async () => {
    const table = Object.fromEntries(
      [0, 1, 499, 998, 999].map((i) => [
        `number ${i} is`,
        [{ text: `Number ${i} is known.`, topic: 'other' }],
      ]),
    )
    const at = setUp({ table, countTokens: () => 50 })
    const messages = Array.from({ length: 1000 }, (_, i) => ({
      role: 'user' as const,
      content: `So number ${i} is it.`,
    }))
    await at.services.intake.add(ADA, { messages, conversationId: 'c', turn: 1 }, undefined)
    expect(await at.buffer.flush(ADA)).toMatchObject({ reason: null })
    expect(at.model.batches()).toHaveLength(Math.ceil((1000 * 50) / 16_384))
    const { memories } = await at.services.engine.list(ADA, { limit: 10, accept: () => true })
    expect(memories.map(({ text, sources }) => `${text} ${sources.map(({ ordinal }) => ordinal)}`)).toEqual(
      [0, 1, 499, 998, 999].map((i) => `Number ${i} is known. ${i}`),
    )
  })
})

describe('an embedder failure', () => {
  const isFailing = { now: false }
  const failing = (how: (texts: readonly string[]) => Float32Array[]): Embedder => {
    const real = lexicalEmbedder()
    const embed: Embedder['embed'] = async (...args) =>
      isFailing.now ? how(args[0]) : await real.embed(...args)
    return { name: real.name, dimensions: real.dimensions, embed }
  }

  it.each([
    [
      'unavailable',
      () => {
        throw new ModelUnavailable('unreachable', 'unavailable')
      },
    ],
    ['wrong dimensions', (texts: readonly string[]) => texts.map(() => new Float32Array(3))],
    ['a missing vector', (texts: readonly string[]) => texts.slice(1).map(() => new Float32Array(256))],
  ])('(%s) delays the extraction', async (_, how) => {
    const at = setUp({ embedder: failing(how) })
    await at.post(1, 'I live in Leeds')
    isFailing.now = true
    const { reason } = await at.buffer.flush(ADA)
    expect(reason).toEqual(expect.stringMatching(/^(unreachable|bad_answer)$/))
    expect(await at.texts()).toEqual(['I live in Leeds'])
    isFailing.now = false
    await at.buffer.flush(ADA)
    expect(await at.texts()).toEqual(['Ada lives in Leeds.'])
  })
})

describe('a store that rejects writes', () => {
  let full = false
  const wrapRecords = (records: RecordStore): RecordStore => ({
    ...records,
    commit: (writes) =>
      full ? Promise.reject(new AppError('backend_unavailable', 'full')) : records.commit(writes),
  })

  it('while a failed flush is recorded: the model is not called without end, and nothing is lost', async () => {
    const at = setUp({ countTokens: () => 2000, wrapRecords })
    await at.post(1, 'I live in Leeds')
    full = true
    at.model.always(unavailable('server_error'))
    await at.timers.advance(0)
    await at.timers.advance(1000)
    expect(at.model.calls).toHaveLength(1)
    full = false
    at.model.always(undefined)
    await at.timers.advance(2 * MINUTE)
    expect(await at.texts()).toEqual(['Ada lives in Leeds.'])
  })

  it('while memories are stored: the extraction is retried', async () => {
    const at = setUp({ wrapRecords })
    await at.post(1, 'I live in Leeds')
    full = true
    expect(await at.buffer.flush(ADA)).toMatchObject({ reason: 'internal' })
    full = false
    await at.timers.advance(MINUTE)
    await quiet()
    expect(await at.texts()).toEqual(['Ada lives in Leeds.'])
    expect(await at.history()).toEqual(['ADD 1 Ada lives in Leeds.'])
  })
})
