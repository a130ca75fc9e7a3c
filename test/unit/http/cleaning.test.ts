import { describe, expect, it } from 'vitest'
import { tableModel } from '../../helpers/learning/buffer/model.ts'
import { said, testApp } from '../../helpers/test-app.ts'

const picture = Buffer.from(Array.from({ length: 45_000 }, (_, i) => (i * 7919) & 255)).toString('base64')
const marks = `Z${'\u0301\u0316'.repeat(49_000)}`

type App = ReturnType<typeof testApp>

async function memoriesOf({ call }: App): Promise<string[]> {
  const { body } = await call('GET', '/v1/memories?user_id=ada&order=oldest')
  return body.memories.map(({ memory }: { memory: string }) => memory)
}

const exchange = (user: string, assistant: string, rest: Record<string, unknown> = {}) => ({
  user_id: 'ada',
  messages: [
    { role: 'user', content: user },
    { role: 'assistant', content: assistant },
  ],
  ...rest,
})

describe('POST /v1/memories', () => {
  it('stores a placeholder for a picture, and says what was removed', async () => {
    const app = testApp()
    const content = `My cat Miso is black. ![cat](data:image/png;base64,${picture})`
    const { status, body } = await app.call('POST', '/v1/memories', said(content))
    expect(status).toBe(200)
    expect(body.cleaned).toEqual({ images: 1 })
    expect((await memoriesOf(app)).join('\n')).toMatch(/^My cat Miso is black\.\s(?:cat )?\[image\]$/)
  })

  it.each([undefined, 'verbatim', 'buffered', 'sync'])('cleans in mode %s', async (mode) => {
    const model = tableModel({})
    const app = testApp({ model })
    const answer = `<think>${'So many thoughts. '.repeat(300)}</think>Your key is stored.`
    const turn = exchange(`I keep bees. ${picture}`, answer, { conversation_id: 'c', turn: 1, mode })
    const { body } = await app.call('POST', '/v1/memories', turn)
    expect(body.cleaned).toEqual({ binary: 1, thinking: 1 })
    await app.call('POST', '/v1/flush', { user_id: 'ada' })
    const { body: exported } = await exportOf(app)
    expect(exported).not.toContain('thoughts')
    expect(exported).not.toContain(picture.slice(0, 100))
    expect(JSON.stringify(model.calls)).not.toContain('thoughts')
    expect(JSON.stringify(model.calls)).not.toContain(picture.slice(0, 100))
  })

  it('has no field cleaned when nothing was removed', async () => {
    const { call } = testApp()
    const { body } = await call('POST', '/v1/memories', said('I live in Oslo.'))
    expect(body).not.toHaveProperty('cleaned')
  })

  it('stores neither lone surrogates nor long runs of combining marks', async () => {
    const app = testApp()
    const { body } = await app.call('POST', '/v1/memories', said(`I like \ud800 tea. ${marks}`))
    expect(body.cleaned).toEqual({ surrogates: 1, combining_marks: 97_996 })
    for (const memory of await memoriesOf(app)) {
      expect(memory.isWellFormed()).toBe(true)
      expect(memory.length).toBeLessThan(40)
    }
  })

  it('counts what was removed in the metrics', async () => {
    const app = testApp()
    await app.call('POST', '/v1/memories', exchange(`${picture} and I sail.`, 'Noted, thank you.'))
    const text = await (await app.fetch('/metrics')).text()
    expect(text).toContain('hippocache_intake_cleaned_total{kind="binary"} 1')
    expect(text).toContain('hippocache_intake_cleaned_total{kind="acknowledgements"} 1')
  })

  it.each([
    ['Noted, thank you.', 'Recorded.'],
    ['ありがとう！', '了解です。'],
    ['谢谢', '好的，我记住了。'],
    ['고마워요', '알겠습니다.'],
    ['Danke!', 'Alles klar, gern geschehen.'],
    ['Gracias.', 'De acuerdo, lo tendré en cuenta.'],
    ['Merci !', "D'accord, c'est noté."],
    ['Obrigada!', 'Está bem, anotado.'],
    ['Спасибо!', 'Хорошо, запомню.'],
  ])('stores the turn %s – %s without a memory, with and without a model', async (user, assistant) => {
    const model = tableModel({})
    for (const app of [testApp(), testApp({ model })]) {
      const turn = exchange(user, assistant, { conversation_id: 'c', turn: 1 })
      const { status, body } = await app.call('POST', '/v1/memories', turn)
      expect(status).toBe(200)
      expect(body).toMatchObject({ status: 'stored', events: [], cleaned: { acknowledgements: 2 } })
      expect(await memoriesOf(app)).toEqual([])
      const { body: stored } = await app.call('GET', `/v1/turns/${body.turn_id}?user_id=ada`)
      expect(stored).toMatchObject({ state: 'done', turn: 1 })
      const { body: conversation } = await app.call('GET', '/v1/conversations/c?user_id=ada')
      expect(conversation.last_turn).toBe(1)
    }
    expect(model.calls).toEqual([])
  })

  it('keeps the other message of a turn with an acknowledgement', async () => {
    const app = testApp()
    await app.call('POST', '/v1/memories', exchange('I keep bees.', 'Recorded.'))
    expect(await memoriesOf(app)).toEqual(['I keep bees.'])
  })

  it('splits a message of more than 100,000 characters', async () => {
    const app = testApp()
    const content = `I keep bees. ${'We talked about the weather today. '.repeat(5_000)}I play the cello.`
    expect(content.length).toBeGreaterThan(150_000)
    const { status, body } = await app.call(
      'POST',
      '/v1/memories',
      said(content, { conversation_id: 'c', turn: 1 }),
    )
    expect(status).toBe(200)
    const { body: exported } = await exportOf(app)
    const [turn] = linesOf(exported, 'turn')
    expect(turn.turn).toMatchObject({ id: body.turn_id, turn: 1 })
    const pieces: string[] = turn.turn.messages.map(({ content }: { content: string }) => content)
    expect(pieces.length).toBeGreaterThan(1)
    for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(100_000)
    expect(pieces.join('')).toBe(content)
    const search = { user_id: 'ada', query: 'cello' }
    const { body: found } = await app.call('POST', '/v1/memories/search', search)
    expect(found.memories[0].memory).toContain('I play the cello.')
  })

  it('refuses what exceeds the largest body', async () => {
    const { call } = testApp({ maxBodyBytes: 200_000 })
    const { status } = await call('POST', '/v1/memories', said('x'.repeat(200_001)))
    expect(status).toBe(413)
  })
})

describe('the rule redact', () => {
  const secret = 'My card is 4111 1111 1111 1111 and my mail is ada@example.com.'
  const rules = { redact: ['card', 'email'] }

  it('is off by default', async () => {
    const app = testApp()
    await app.call('POST', '/v1/memories', said(secret))
    expect(await memoriesOf(app)).toEqual([secret])
  })

  it('applies to turns, imports and corrections alike', async () => {
    const app = testApp()
    await app.call('PUT', '/v1/rules', { app_id: 'bank', rules })
    const { body: rule } = await app.call('GET', '/v1/rules?app_id=bank')
    expect(rule.rules.redact).toEqual(['card', 'email'])
    const redacted = 'My card is [card] and my mail is [email].'
    const { body: added } = await app.call('POST', '/v1/memories', said(secret, { app_id: 'bank' }))
    expect(added.cleaned).toEqual({ redacted: 2 })
    const { body: imported } = await app.call('POST', '/v1/memories/import', {
      user_id: 'ada',
      memories: [
        { id: 'x', memory: `Imported: ${secret}`, app_id: 'bank' },
        { memory: `Other app: ${secret}` },
      ],
    })
    expect(imported).toMatchObject({ imported: 2, cleaned: { redacted: 2 } })
    expect((await memoriesOf(app)).sort()).toEqual([
      `Imported: ${redacted}`,
      redacted,
      `Other app: ${secret}`,
    ])
    const [{ id }] = added.events
    const { body: corrected } = await app.call('PATCH', `/v1/memories/${id}`, {
      user_id: 'ada',
      memory: 'Write to bob@example.com.',
    })
    expect(corrected).toMatchObject({ memory: { memory: 'Write to [email].' }, cleaned: { redacted: 1 } })
    const { body: exported } = await exportOf(app)
    expect(exported).not.toContain('bob@example.com')
  })

  it('rejects an unknown kind', async () => {
    const { call } = testApp()
    const { status, body } = await call('PUT', '/v1/rules', { rules: { redact: ['name'] } })
    expect(status).toBe(400)
    expect(body.error.message).toMatch(
      /^rules\.redact\[0\]: expected one of "password", "card", "email", "phone"/,
    )
  })
})

describe('POST /v1/memories/import', () => {
  it('cleans each memory, and reports those of which nothing is left', async () => {
    const app = testApp()
    const { body } = await app.call('POST', '/v1/memories/import', {
      user_id: 'ada',
      memories: [
        { memory: `Ada's cat: data:image/png;base64,${picture}` },
        { memory: '<think>Hm.</think>', role: 'assistant' },
        { memory: '<think>Hm.</think>Ada sails.', role: 'assistant' },
        { memory: 'Noted, thank you.' },
        { memory: 'word '.repeat(2_001) },
        { memory: 'Lone \ud800 surrogate' },
      ],
    })
    expect(body).toMatchObject({ imported: 3, cleaned: { images: 1, thinking: 2, surrogates: 1 } })
    expect(body.refused.map(({ index }: { index: number }) => index)).toEqual([1, 3, 4])
    expect((await memoriesOf(app)).sort()).toEqual([
      'Ada sails.',
      "Ada's cat: [image]",
      'Lone \ufffd surrogate',
    ])
  })
})

describe('POST /v1/import', () => {
  it('cleans the texts of an export that an earlier version wrote', async () => {
    const from = testApp()
    await from.call(
      'POST',
      '/v1/memories',
      said('I keep bees. My mail is ada@example.com.', { app_id: 'bank' }),
    )
    const { body: exported } = await exportOf(from)
    const lines = exported.trim().split('\n').slice(1, -1)
    const records = lines.map((line) => JSON.parse(line.replaceAll('bees', `bees ${picture}`)))
    const app = testApp()
    await app.call('PUT', '/v1/rules', { app_id: 'bank', rules: { redact: ['email'] } })
    const { body } = await app.call('POST', '/v1/import', { user_id: 'ada', records })
    expect(body).toMatchObject({ restored: records.length, refused: [], cleaned: { redacted: 3 } })
    expect((await memoriesOf(app)).join(' ')).toBe('I keep bees [binary 60 kB]. My mail is [email].')
    const { body: restored } = await exportOf(app)
    expect(restored).not.toContain(picture.slice(0, 100))
    expect(restored).not.toContain('ada@example.com')
  })
})

describe('pending turns', () => {
  it.each(['per_query', 'cached', 'cached_delta'])(
    'appear once in a context of strategy %s, however often they say the same',
    async (strategy) => {
      const { call } = testApp({ model: tableModel({}) })
      for (let turn = 1; turn <= 12; turn++) {
        const content = turn <= 10 ? 'Please remember the harbour  list.' : `I keep ${turn} bees.`
        const message = { role: 'user', content }
        await call('POST', '/v1/memories', {
          user_id: 'ada',
          conversation_id: 'c',
          turn,
          messages: [message],
        })
      }
      const { body } = await call('POST', '/v1/recall', {
        ...{ user_id: 'ada', query: 'harbour list and bees', top_k: 3, strategy },
        ...{ conversation_id: 'c', turn: 20, window_size: 2 },
      })
      expect(body.context.match(/harbour/g)).toHaveLength(1)
      expect(body.context).toContain('I keep 11 bees')
      expect(body.context).toContain('I keep 12 bees')
      const { body: found } = await call('POST', '/v1/memories/search', {
        ...{ user_id: 'ada', query: 'harbour list and bees', top_k: 3 },
      })
      expect(found.memories).toHaveLength(3)
    },
  )
})

describe('a query', () => {
  it('is clipped when it is too long, and the answer says so', async () => {
    const { call } = testApp()
    await call('POST', '/v1/memories', said('I keep bees.'))
    const query = `${'weather '.repeat(20_000)}What about bees?`
    for (const path of ['/v1/recall', '/v1/memories/search']) {
      const { status, body } = await call('POST', path, { user_id: 'ada', query })
      expect(status).toBe(200)
      expect(body.degraded).toEqual(['query_clipped'])
      expect(body.memories[0].memory).toBe('I keep bees.')
      const { body: short } = await call('POST', path, { user_id: 'ada', query: 'bees' })
      expect(short.degraded).toEqual([])
    }
  })

  it('is cleaned as messages are', async () => {
    const { call } = testApp()
    await call('POST', '/v1/memories', said('I keep bees.'))
    for (const noise of [picture, marks, '\ud800', `data:image/png;base64,${picture}`]) {
      const { body } = await call('POST', '/v1/recall', {
        user_id: 'ada',
        query: `What about bees? ${noise}`,
      })
      expect(body).toMatchObject({ status: 'ok', count: 1, degraded: [] })
    }
  })
})

async function exportOf({ fetch }: App): Promise<{ body: string }> {
  return { body: await (await fetch('/v1/export?user_id=ada')).text() }
}

function linesOf(exported: string, kind: string) {
  return exported
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter((line) => line.kind === kind)
}
