import { describe, expect, it } from 'vitest'
import { lexicalEmbedder } from '../../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { AppError } from '../../../../sidecar/ports/errors.ts'
import { ModelUnavailable } from '../../../../sidecar/ports/language-model.ts'
import { ADA, flushes, setUp, unavailable } from '../../../helpers/learning/buffer/helpers.ts'
import { type Behaviour, batchOf, cutOff, gibberish, held } from '../../../helpers/learning/buffer/model.ts'
import { quiet, until } from '../../../helpers/learning/buffer/timers.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** The model makes nothing of batches with this text. */
const poisonedBy =
  (text: string, how: Behaviour = gibberish): Behaviour =>
  (request) =>
    request.purpose === 'extract' && batchOf(request).includes(text) ? how(request) : undefined

describe('a model that is away', () => {
  it('for an hour: asked ever less often, the words are recalled meanwhile, and then all is learned', async () => {
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

  it('is not asked more often because more is said', async () => {
    const at = setUp({ countTokens: () => 600 })
    at.model.always(unavailable('timeout'))
    for (let turn = 1; turn <= 30; turn++) {
      await at.post(turn, 'I live in Leeds')
      await at.timers.advance(MINUTE)
    }
    expect(at.model.calls.length).toBeLessThanOrEqual(12)
  })

  it('is not asked for one conversation after the other without end', async () => {
    const at = setUp()
    await at.post(1, 'I live in Leeds', { conversationId: 'd' })
    await at.post(1, 'I have a cat')
    // Should it be asked without end, the test ends all the same.
    at.model.always(() => (at.model.calls.length > 20 ? undefined : unavailable('unreachable')()))
    await at.buffer.flush(ADA, { conversationId: 'c' })
    await at.timers.advance(MINUTE)
    expect(at.model.calls.length).toBeLessThanOrEqual(6)
  })

  it('is asked again when it said it may be, not before, and not in a year', async () => {
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

  it('does not leave the turns behind when the clock is set back', async () => {
    const at = setUp()
    at.model.next(unavailable('server_error'))
    await at.post(1, 'I live in Leeds')
    await at.timers.advance(MINUTE)
    at.clock.advance(-30 * 24 * HOUR)
    await at.post(2, 'I have a cat')
    await at.timers.advance(2 * MINUTE)
    expect(await at.texts()).toEqual(['Ada has a cat.', 'Ada lives in Leeds.'])
  })

  it('does not leave the turns behind when the clock jumps ahead and back while they wait', async () => {
    const at = setUp()
    await at.post(1, 'I live in Leeds')
    // A year ahead: what is accepted now is from the future once the clock has been put right.
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

  it('does not leave the turns behind when the clock jumps while they are learned from', async () => {
    const at = setUp()
    const thinking = held()
    at.model.next(thinking.behaviour, unavailable('server_error'))
    await at.post(1, 'I live in Leeds')
    const flushing = at.buffer.flush(ADA)
    await thinking.reached
    at.clock.advance(-7 * 24 * HOUR)
    await at.post(2, 'I have a cat')
    thinking.release()
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
  ] as const)('because of %s never makes a turn fail for good', async (reason) => {
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

describe('a model that cannot be understood', () => {
  it('five times: the turn is set aside, still recalled, listed with the reason, and replayed when asked', async () => {
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

  it('in one of five turns: the other four are learned at once, in order', async () => {
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

  it('in one turn: an explicit flush still tries the other conversations', async () => {
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

  it('in one turn: that turn waits by itself, and what is said next is not hurried for it', async () => {
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

  it('a request that the endpoint refuses for what is in it is the fault of that turn', async () => {
    const at = setUp()
    at.model.always(poisonedBy('poison', unavailable('bad_answer', { status: 400 })))
    await at.post(1, 'I live in Leeds')
    await at.post(2, 'poison')
    await at.post(3, 'I have a cat')
    await at.buffer.flush(ADA)
    expect(at.buffer.list(ADA)).toMatchObject([{ turn: 2, unreadable: 1 }])
    expect(await at.texts()).toEqual(['Ada has a cat.', 'Ada lives in Leeds.', 'poison'])
  })

  it.each([404, 401])(
    'a status %s is the fault of the configuration, and waits for better',
    async (status) => {
      const at = setUp()
      at.model.always(unavailable('bad_answer', { status }))
      await at.post(1, 'I live in Leeds')
      for (let i = 0; i < 6; i++) await at.buffer.flush(ADA)
      expect(at.buffer.list(ADA)).toMatchObject([{ unreadable: 0 }])
    },
  )

  it('a decision that cannot be read leaves everything as it was', async () => {
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

describe('an answer that is cut off', () => {
  it('splits the batch, down to single messages where it must', async () => {
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

  it('splits one long message too', async () => {
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
  it('a fact of 100 kB in an answer is not stored as it is, and its neighbour is', async () => {
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

  it('a message of 100 kB is learned from its beginning to its end', async () => {
    const at = setUp()
    const filler = 'And then we went on about the weather for a good while. '.repeat(900)
    await at.post(1, `I live in Leeds. ${filler} I have a cat. ${filler} I speak Welsh.`)
    expect(await at.buffer.flush(ADA)).toMatchObject({ reason: null })
    expect(await at.texts()).toEqual(['Ada has a cat.', 'Ada lives in Leeds.', 'Ada speaks Welsh.'])
  })

  it('a turn of 1000 messages is read in parts, in order, and each fact names its message', async () => {
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

describe('an embedder', () => {
  const broken = (how: (texts: readonly string[]) => Float32Array[] | undefined) => {
    const real = lexicalEmbedder()
    let isBroken = false
    return {
      embedder: {
        ...real,
        name: real.name,
        dimensions: real.dimensions,
        async embed(...args: Parameters<typeof real.embed>) {
          const instead = isBroken ? how(args[0]) : undefined
          return instead ?? (await real.embed(...args))
        },
      },
      break: (value: boolean) => {
        isBroken = value
      },
    }
  }

  it.each([
    [
      'that is away',
      () => {
        throw new ModelUnavailable('unreachable', 'away')
      },
    ],
    ['of another size', (texts: readonly string[]) => texts.map(() => new Float32Array(3))],
    ['that forgets a text', (texts: readonly string[]) => texts.slice(1).map(() => new Float32Array(256))],
  ])('%s puts learning off', async (_, how) => {
    const { embedder, break: set } = broken(how)
    const at = setUp({ embedder })
    await at.post(1, 'I live in Leeds')
    set(true)
    const { reason } = await at.buffer.flush(ADA)
    expect(reason).toEqual(expect.stringMatching(/^(unreachable|bad_answer)$/))
    expect(await at.texts()).toEqual(['I live in Leeds'])
    set(false)
    await at.buffer.flush(ADA)
    expect(await at.texts()).toEqual(['Ada lives in Leeds.'])
  })
})

describe('a store that does not write', () => {
  it('while a turn is flush failure: the model is not asked without end, and nothing is lost', async () => {
    let full = false
    const at = setUp({
      countTokens: () => 2000,
      wrapRecords: (records) => ({
        ...records,
        commit: (writes) =>
          full ? Promise.reject(new AppError('backend_unavailable', 'full')) : records.commit(writes),
      }),
    })
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

  it('what was learned: it is tried again later', async () => {
    let full = false
    const at = setUp({
      wrapRecords: (records) => ({
        ...records,
        commit: (writes) =>
          full ? Promise.reject(new AppError('backend_unavailable', 'full')) : records.commit(writes),
      }),
    })
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
