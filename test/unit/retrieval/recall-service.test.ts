import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { describe, expect, it } from 'vitest'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import type { Embedder } from '../../../sidecar/ports/embedder.ts'
import { said, testApp } from '../../helpers/test-app.ts'

const lexical = lexicalEmbedder()

/** Embeds documents with the lexical embedder and queries with the given function. */
function queriesBy(embed: Embedder['embed']): Embedder {
  return {
    ...lexical,
    embed: (texts, purpose, signal) => (purpose === 'query' ? embed : lexical.embed)(texts, purpose, signal),
  }
}

async function recallOf(app: ReturnType<typeof testApp>, rest: object = {}) {
  const { status, body } = await app.call('POST', '/v1/recall', {
    user_id: 'ada',
    query: 'What about Kyoto?',
    strategy: 'per_query',
    ...rest,
  })
  expect(status).toBe(200)
  return body
}

const textsOf = (body: { memories: { memory: string }[] }) => body.memories.map(({ memory }) => memory).sort()

describe('a recall', () => {
  it('returns every documented field', async () => {
    const app = testApp()
    await app.call(
      'POST',
      '/v1/memories',
      said('I live in Kyoto.', { conversation_id: 'c', turn: 2, app_id: 'a' }),
    )
    const body = await recallOf(app)
    expect(body).toEqual({
      status: 'ok',
      strategy: 'per_query',
      turn: null,
      engine: 'sqlite',
      experiment: null,
      context: expect.stringContaining('I live in Kyoto.'),
      block: '',
      delta: body.context,
      memories: [
        {
          id: expect.any(String),
          memory: 'I live in Kyoto.',
          content: 'I live in Kyoto.',
          score: expect.any(Number),
          role: 'user',
          speaker: 'user',
          kind: 'verbatim',
          tier: 'long',
          topic: null,
          sub_topic: null,
          importance: null,
          event_date: null,
          version: 1,
          conversation_id: 'c',
          turn: 2,
          at: '2026-03-01T09:00:00.000Z',
          agent_id: null,
          run_id: null,
          app_id: 'a',
          metadata: {},
          valid_from: '2026-03-01T09:00:00.000Z',
          valid_until: null,
          expires_at: null,
        },
      ],
      count: 1,
      degraded: [],
      cache: {
        result: 'none',
        reason: 'disabled',
        age_turns: null,
        serves_until_turn: null,
        block_hash: null,
      },
      took_ms: {
        total: expect.any(Number),
        embed: expect.any(Number),
        search: expect.any(Number),
        render: expect.any(Number),
      },
      tokens: countTokens(body.context),
    })
  })

  it('returns status empty without memories', async () => {
    expect(await recallOf(testApp())).toMatchObject({
      status: 'empty',
      context: '',
      block: '',
      delta: '',
      memories: [],
      count: 0,
      tokens: 0,
    })
  })

  it('leaves out memories whose turns are all in the window', async () => {
    const app = testApp()
    const say = (text: string, conversation_id: string, turn: number) =>
      app.call('POST', '/v1/memories', said(text, { conversation_id, turn }))
    for (let turn = 1; turn <= 6; turn++) await say(`Fact ${turn} of this talk about Kyoto.`, 'c', turn)
    await say('Fact of another talk about Kyoto.', 'other', 5)
    // Sooner, other words for a turn are a turn of their own.
    app.clock.advance(2000)
    await say('Fact of both talks about Kyoto.', 'c', 5)
    await say('Fact of both talks about Kyoto.', 'other', 1)
    await app.call('POST', '/v1/memories', said('Fact of no talk about Kyoto.'))
    const seen = async (
      turn: number | undefined,
      window_size: number | undefined,
      conversation_id: string | undefined = 'c',
    ) => {
      const texts = textsOf(await recallOf(app, { conversation_id, turn, window_size, top_k: 100 }))
      for (const kind of ['another', 'both', 'no']) {
        // Memories of another conversation are never left out.
        if (conversation_id === 'c')
          expect(texts.some((text) => text.startsWith(`Fact of ${kind} `))).toBe(true)
      }
      return texts.flatMap((text) => /^Fact (\d) /.exec(text)?.[1] ?? []).join('')
    }
    // Posting "both" as turn 5 replaced fact 5.
    expect(await seen(7, 3)).toBe('1234')
    expect(await seen(7, 7)).toBe('')
    expect(await seen(7, 2)).toBe('1234')
    expect(await seen(7, 1)).toBe('12346')
    expect(await seen(7, 0)).toBe('12346')
    // A regenerated turn: its earlier text is about to be replaced.
    expect(await seen(6, 1)).toBe('1234')
    expect(await seen(4, 2)).toBe('126')
    // Counted as turn 7.
    expect(await seen(undefined, 3)).toBe('1234')
    expect(await seen(7, undefined)).toBe('12346')
    expect(await seen(7, 3, 'new')).toBe('12346')
  })

  it('returns top_k memories from outside the window', async () => {
    const app = testApp()
    for (let turn = 1; turn <= 10; turn++)
      await app.call(
        'POST',
        '/v1/memories',
        said(`Kyoto fact number ${turn}.`, { conversation_id: 'c', turn }),
      )
    const body = await recallOf(app, { conversation_id: 'c', turn: 11, window_size: 5, top_k: 3 })
    expect(body.count).toBe(3)
  })

  it('exceeds neither the token budget nor top_k', async () => {
    const app = testApp()
    for (let i = 0; i < 12; i++)
      await app.call('POST', '/v1/memories', said(`In Kyoto I saw temple number ${i}, and it was beautiful.`))
    for (const token_budget of [0, 1, 30, 40, 64, 100, 250, 5000]) {
      const body = await recallOf(app, { token_budget, top_k: 10 })
      expect(countTokens(body.context)).toBeLessThanOrEqual(token_budget)
      expect(body).toMatchObject({ tokens: countTokens(body.context), count: body.memories.length })
      for (const { memory } of body.memories) expect(body.context).toContain(memory)
      expect(body.context.split('\n').filter((line: string) => line.startsWith('- ['))).toHaveLength(
        body.count,
      )
      if (token_budget === 0) expect(body).toMatchObject({ status: 'empty', context: '' })
      if (token_budget === 5000) expect(body.count).toBe(10)
    }
  })

  it('returns identical bytes while no memory changes', async () => {
    const app = testApp()
    for (let i = 0; i < 12; i++)
      await app.call('POST', '/v1/memories', said(`In Kyoto I saw temple number ${i}.`))
    const contexts = await Promise.all(Array.from({ length: 5 }, async () => (await recallOf(app)).context))
    app.clock.advance(60_000)
    contexts.push((await recallOf(app)).context)
    expect(new Set(contexts).size).toBe(1)
  })

  it('includes a turn as soon as its add is acknowledged', async () => {
    const app = testApp()
    for (let i = 0; i < 10; i++) {
      await app.call('POST', '/v1/memories', said(`Kyoto fact number ${i}.`))
      expect((await recallOf(app, { top_k: 100 })).count).toBe(i + 1)
    }
  })

  it('answers 40 concurrent recalls', async () => {
    const app = testApp()
    await app.call('POST', '/v1/memories', said('I live in Kyoto.'))
    const bodies = await Promise.all(Array.from({ length: 40 }, () => recallOf(app)))
    expect(bodies.every(({ count }) => count === 1)).toBe(true)
  })

  it('applies agent, run, app and filters, but includes other conversations', async () => {
    const app = testApp()
    await app.call(
      'POST',
      '/v1/memories',
      said('I live in Kyoto.', { agent_id: 'a', conversation_id: 'c1', metadata: { k: 1 } }),
    )
    await app.call('POST', '/v1/memories', said('I work in Kyoto.', { run_id: 'r', conversation_id: 'c2' }))
    expect(textsOf(await recallOf(app, { conversation_id: 'c1' }))).toEqual([
      'I live in Kyoto.',
      'I work in Kyoto.',
    ])
    expect(textsOf(await recallOf(app, { agent_id: 'a' }))).toEqual(['I live in Kyoto.'])
    expect(textsOf(await recallOf(app, { run_id: 'r' }))).toEqual(['I work in Kyoto.'])
    expect(textsOf(await recallOf(app, { app_id: 'x' }))).toEqual([])
    expect(textsOf(await recallOf(app, { filters: { 'metadata.k': { gte: 1 } } }))).toEqual([
      'I live in Kyoto.',
    ])
  })
})

describe('when the query cannot be embedded', () => {
  const broken: [string, Embedder['embed']][] = [
    ['late', () => new Promise(() => {})],
    [
      'late and then failing',
      (_texts, _purpose, signal) =>
        new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted')))),
    ],
    ['failing', async () => Promise.reject(new Error('no embedder'))],
    [
      'throwing',
      () => {
        throw new Error('no embedder')
      },
    ],
    ['returning no vector', async () => []],
  ]

  it.each(broken)(
    'because the embedder is %s, ranks lexically and reports `embedding` in degraded',
    async (_name, embed) => {
      const app = testApp({ embedder: queriesBy(embed), embeddingDeadlineMs: 20 })
      await app.call('POST', '/v1/memories', said('I live in Kyoto.'))
      await app.call('POST', '/v1/memories', said('I am allergic to peanuts.'))
      const body = await recallOf(app, { top_k: 1 })
      expect(body).toMatchObject({ status: 'degraded', degraded: ['embedding'], count: 1 })
      expect(body.context).toContain('I live in Kyoto.')
      const search = await app.call('POST', '/v1/memories/search', {
        user_id: 'ada',
        query: 'peanuts',
        top_k: 1,
      })
      expect(search.body).toMatchObject({
        degraded: ['embedding'],
        memories: [{ memory: 'I am allergic to peanuts.' }],
      })
    },
  )

  it('aborts the embedder at the deadline', async () => {
    let signal: AbortSignal | undefined
    const app = testApp({
      embeddingDeadlineMs: 20,
      embedder: queriesBy((_texts, _purpose, given) => {
        signal = given ?? signal
        return new Promise(() => {})
      }),
    })
    await recallOf(app)
    expect(signal?.aborted).toBe(true)
    expect(String(signal?.reason)).toContain('20 ms')
  })
})
