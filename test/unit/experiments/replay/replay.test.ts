import { expect, it } from 'vitest'
import { formatReplay } from '../../../../sidecar/experiments/replay/format.ts'
import { DEFAULT_OPTIONS } from '../../../../sidecar/experiments/replay/options.ts'
import { createReplayReport, replayReport } from '../../../../sidecar/experiments/replay/report.ts'
import type { Tally } from '../../../../sidecar/experiments/replay/tally.ts'
import { COLLECTIONS, scopesOf, scrollAll } from '../../../../sidecar/ports/records.ts'
import { ADA, replayApp } from '../../../helpers/replay.ts'
import { testApp } from '../../../helpers/test-app.ts'

const OPTIONS = { ...DEFAULT_OPTIONS, windows: [3] }
const SMALL_TALK = [
  'Rain again today.',
  'The bus was late.',
  'Lunch was soup.',
  'The office is cold.',
  'Monday.',
]

/** A fact, small talk until it has left a window of 3, and an answer that needs it. */
async function talk(app: ReturnType<typeof replayApp>, userId = 'ada'): Promise<void> {
  await app.say(1, 'My greyhound used to race as Tuppenny Hurricane.', 'What a name!', { userId })
  for (const [i, text] of SMALL_TALK.entries()) await app.say(i + 2, text, 'I see.', { userId })
  await app.say(7, 'What was my greyhound called on the track?', 'Tuppenny Hurricane.', { userId })
}

/** Latency differs between runs. */
const withoutLatency = (tally: Tally): unknown =>
  JSON.parse(JSON.stringify(tally, (key, value) => (key === 'latency' ? undefined : value)))

it('reports which strategy injected the memory that the answer drew on', async () => {
  const app = replayApp()
  await talk(app)
  const tally = await app.replay()
  expect(tally).toMatchObject({ users: 1, turns: 7, answered: 7, grounded_turns: 1 })
  const report = createReplayReport(OPTIONS, tally)
  expect(replayReport.parse(report)).toEqual(report)
  for (const { strategy, grounded, overlap, rbo } of report.settings) {
    expect({ strategy, ...grounded }).toMatchObject({ memories: 1, in_window: 0, injected: 1, recall: 1 })
    if (strategy === 'per_query') expect([overlap, rbo]).toEqual([1, 1])
  }
  const [perQuery, cached] = report.settings
  expect(perQuery).toMatchObject({ hit_rate: null, block_tokens_per_turn: 0, by_age: [] })
  expect(cached?.hit_rate).toBeGreaterThan(0)
  expect(cached?.prefix_reuse).toBeGreaterThan(0)
  expect(cached?.by_age.map(({ age_turns }) => age_turns)).toEqual([0, 1, 2])
})

it('counts what the window shows as shown, and tells it from what was injected', async () => {
  const app = replayApp()
  await talk(app)
  const { settings } = await app.replay({ windows: [20] })
  expect(settings['per_query/20']).toMatchObject({ grounded: 1, in_window: 1, injected: 0, missed: [] })
})

it('names the turn, the question and the memory of what was missed', async () => {
  const app = replayApp()
  await talk(app)
  const { settings } = await app.replay({ tokenBudget: 0 })
  expect(settings['per_query/3']?.missed).toEqual([
    {
      user_id: 'ada',
      conversation_id: 'c-1',
      turn: 7,
      question: 'What was my greyhound called on the track?',
      memory_id: expect.any(String),
      memory: 'My greyhound used to race as Tuppenny Hurricane.',
      words: ['tuppenny', 'hurricane'],
    },
  ])
})

it('writes nothing to the store', async () => {
  const app = replayApp()
  await talk(app)
  const dump = async () => {
    const lines: string[] = []
    for (const collection of COLLECTIONS) {
      for await (const scope of scopesOf(app.records, collection)) {
        for await (const record of scrollAll(app.records, collection, scope))
          lines.push(JSON.stringify(record))
      }
    }
    return lines
  }
  const before = await dump()
  const counters = await app.services.scopeState.counters('default/ada')
  await app.replay()
  expect(await dump()).toEqual(before)
  expect(await app.services.scopeState.counters('default/ada')).toEqual(counters)
})

it('continues with the users that an interrupted run left, and reports the same', async () => {
  const app = replayApp()
  for (const userId of ['ada', 'bea', 'cid']) await talk(app, userId)
  const whole = await app.replay()
  const kept = new Map<string, Tally>()
  const checkpoint = {
    get: (scope: string) => kept.get(scope),
    add: (scope: string, tally: Tally) => void kept.set(scope, JSON.parse(JSON.stringify(tally))),
  }
  const controller = new AbortController()
  const interrupted = app.replay(
    {},
    {
      checkpoint,
      signal: controller.signal,
      onProgress: (done) => done === 10 && controller.abort(new Error('killed')),
    },
  )
  await expect(interrupted).rejects.toThrow('killed')
  expect([...kept.keys()]).toEqual(['default/ada'])
  const progress: number[] = []
  const resumed = await app.replay({}, { checkpoint, onProgress: (done) => progress.push(done) })
  expect(withoutLatency(resumed)).toEqual(withoutLatency(whole))
  expect(progress.slice(0, 3)).toEqual([0, 7, 8])
  expect(progress.at(-1)).toBe(21)
})

it('selects by user, namespace, app and time', async () => {
  const app = replayApp()
  await app.say(1, 'I live in Kyoto.', 'Nice.', { appId: 'one' })
  await app.say(2, 'I play the cello.', 'Nice.', { appId: 'two' })
  await app.say(1, 'I like tea.', 'Nice.', { userId: 'bea' })
  const turns = async (options: object) => (await app.replay(options)).turns
  expect(await turns({})).toBe(3)
  expect(await turns({ userId: 'ada' })).toBe(2)
  expect(await turns({ appId: 'two' })).toBe(1)
  expect(await turns({ namespace: 'other' })).toBe(0)
  expect(await turns({ namespace: 'default', userId: 'unknown' })).toBe(0)
  expect(await turns({ since: app.clock.now() })).toBe(1)
})

it('answers an empty store, one turn, and turns without answers, questions or conversations', async () => {
  const app = replayApp()
  const summaryOf = async () => createReplayReport(OPTIONS, await app.replay()).summary
  expect(await app.replay()).toMatchObject({ users: 0, turns: 0 })
  expect(await summaryOf()).toBe('No stored turn matches the selection.')
  await app.say(1, 'I live in Kyoto.')
  expect(await app.replay()).toMatchObject({ users: 1, turns: 1, answered: 0, grounded_turns: 0 })
  expect(await summaryOf()).toContain('too few answers drew on a memory (0, at least 30 needed)')
  const alone = {
    user_id: 'ada',
    mode: 'verbatim',
    messages: [{ role: 'assistant', content: 'It is in Kyoto.' }],
  }
  expect((await app.call('POST', '/v1/memories', alone)).status).toBe(200)
  expect(await app.replay()).toMatchObject({ users: 1, turns: 1 })
  const loose = { ...alone, messages: [{ role: 'user', content: 'I like tea.' }] }
  expect((await app.call('POST', '/v1/memories', loose)).status).toBe(200)
  const { turns, settings } = await app.replay()
  expect(turns).toBe(2)
  expect(settings['cached/3']?.cache).toMatchObject({ 'none.no_conversation': 1 })
})

it('never calls a remote embedder: ranks by the stored embedding of the message, or by words without one', async () => {
  let calls = 0
  const embedder = {
    name: 'remote',
    dimensions: 2,
    embed: async (texts: readonly string[]) => {
      calls += 1
      return texts.map(() => Float32Array.from([1, 0]))
    },
  }
  const app = replayApp(testApp({ embedder }))
  await app.say(1, 'I live in Kyoto.', 'Nice.')
  await app.say(2, 'Where do I live?', 'In Kyoto.')
  const { createReplayEngines } = await import('../../../../sidecar/app/replay-engine.ts')
  const { ruleBook } = app.services
  await using engines = createReplayEngines({ ruleBook, remoteEmbedder: embedder, learns: false })
  calls = 0
  const { settings } = await app.replay({ strategies: ['per_query'] }, { engines })
  expect(calls).toBe(0)
  // The message of turn 1 was kept and embedded; the mere question of turn 2 was not.
  expect(settings['per_query/3']).toMatchObject({ turns: 2, by_words_only: 1 })
})

it('holds one user in memory, without the texts of 1,000 long turns', { timeout: 300_000 }, async () => {
  const app = replayApp()
  for (let turn = 1; turn <= 50; turn++)
    await app.say(turn, `I own item number ${turn} of my collection.`, 'Noted.')
  const first = await app.records.scroll('turns', 'default/ada', { limit: 1 })
  const { payload } = first[0] as (typeof first)[number]
  const many = Array.from({ length: 950 }, (_, i) => {
    const messages = [{ role: 'user', content: `${'Long text. '.repeat(1000)}${i}` }]
    const fields = {
      id: `t-${i}`,
      conversation_id: 'c-2',
      turn: i + 1,
      messages,
      memory_ids: [],
      created_at: 1000 + i,
    }
    return {
      collection: 'turns' as const,
      scope: 'default/ada',
      put: { id: `t-${i}`, order: i, payload: { ...payload, ...fields } },
    }
  })
  for (let from = 0; from < many.length; from += 100) await app.records.commit(many.slice(from, from + 100))
  const since = app.clock.now() - 4_000
  const before = process.memoryUsage().heapUsed
  let most = 0
  const { turns } = await app.replay(
    { since, strategies: ['per_query'] },
    { onProgress: () => (most = Math.max(most, process.memoryUsage().heapUsed)) },
  )
  expect(turns).toBe(5)
  // The texts alone are 10 MB; only ids and times are kept.
  expect((most - before) / 1024 / 1024).toBeLessThan(250)
})

it('writes the report as JSON, CSV and Markdown, and escapes user text', async () => {
  const app = replayApp()
  await app.say(1, 'My dog | raced as <b>Tuppenny</b> *Hurricane*.', 'Nice.')
  for (const [i, text] of SMALL_TALK.entries()) await app.say(i + 2, text, 'I see.')
  await app.say(7, 'What was my dog called on the track?', 'Tuppenny Hurricane.')
  const report = createReplayReport(OPTIONS, await app.replay({ tokenBudget: 0 }))
  expect(JSON.parse(formatReplay(report, 'json'))).toEqual(report)
  const [head, ...rows] = formatReplay(report, 'csv').trim().split('\r\n')
  expect(rows).toHaveLength(3)
  expect(rows.map((row) => row.split(',').length)).toEqual(rows.map(() => head?.split(',').length))
  const markdown = formatReplay(report, 'markdown')
  expect(markdown).toContain('## Missed')
  expect(markdown).toContain('memory: My dog \\| raced as \\<b\\>Tuppenny\\</b\\> \\*Hurricane\\*.')
})

it('rejects a scope that it does not know with an empty report', async () => {
  expect(await replayApp().replay({ ...ADA })).toMatchObject({ users: 0, turns: 0 })
})
