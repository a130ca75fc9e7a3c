import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LanguageModel } from '../../../../sidecar/ports/language-model.ts'
import { ADA, DAY, learn, START } from '../../../helpers/retrieval/profile/helpers.ts'
import { testApp } from '../../../helpers/test-app.ts'

const BOB = { ...ADA, userId: 'bob' }
const REQUEST = { tokenBudget: 800, maxPerTopic: 15 }
/** Not called in these tests; only its presence matters. */
const MODEL: LanguageModel = {
  kind: 'none',
  complete: () => Promise.reject(new Error('unexpected model call')),
}

function open() {
  const app = testApp({ model: MODEL })
  const { profiles } = app.services
  return {
    ...app,
    profiles,
    texts: async (request: object = {}, scope = ADA) => {
      const { kept } = await profiles.read(scope, { ...REQUEST, ...request })
      return kept.map(({ memory }) => memory.text)
    },
  }
}

describe('a profile', () => {
  it('drops a memory when it expires', async () => {
    const app = open()
    await learn(app, [
      { text: 'Ada is 36.', topic: 'basic_info' },
      { text: 'Ada has a cold.', topic: 'health', expires_at: START + DAY },
    ])
    expect(await app.texts()).toHaveLength(2)
    app.clock.advance(DAY - 1)
    expect(await app.texts()).toHaveLength(2)
    app.clock.advance(1)
    expect(await app.texts()).toEqual(['Ada is 36.'])
  })

  it('filters by agent, run, app and topics', async () => {
    const app = open()
    await learn(app, [
      { text: 'a', topic: 'work', agent_id: 'x' },
      { text: 'b', topic: 'health', run_id: 'r' },
      { text: 'c', topic: 'Basic Info', app_id: 'p' },
    ])
    expect(await app.texts({ agentId: 'x' })).toEqual(['a'])
    expect(await app.texts({ runId: 'r' })).toEqual(['b'])
    expect(await app.texts({ appId: 'p' })).toEqual(['c'])
    expect(await app.texts({ topics: ['basic-info', 'WORK'] })).toEqual(['c', 'a'])
    expect(await app.texts({ topics: ['nothing'] })).toEqual([])
  })

  it('uses the topic order of the rules of the app', async () => {
    const app = open()
    await learn(app, [
      { text: 'a', topic: 'work' },
      { text: 'b', topic: 'health' },
    ])
    expect(await app.texts()).toEqual(['a', 'b'])
    const topics = [{ name: 'health' }, { name: 'work' }]
    await app.call('PUT', '/v1/rules', { rules: { topics } })
    expect(await app.texts()).toEqual(['b', 'a'])
    const [first] = (await app.profiles.read(ADA, REQUEST)).kept
    expect(first?.topic).toBe('health')
  })

  it('contains only memories with a topic or extracted ones if there is a model', async () => {
    const app = open()
    await learn(app, [
      { text: 'waits', kind: 'pending' },
      { text: 'said', kind: 'verbatim' },
      { text: 'said and sorted by hand', kind: 'verbatim', topic: 'work' },
      { text: 'imported', kind: 'imported' },
      { text: 'learned', topic: 'health' },
    ])
    expect(await app.texts()).toEqual(['said and sorted by hand', 'learned', 'imported'])
  })

  it('contains statements of the user, not of the assistant, without a model', async () => {
    const app = testApp()
    await learn(app, [
      { text: 'I like tea.', kind: 'verbatim' },
      { text: 'Tea is a plant.', kind: 'verbatim', role: 'assistant' },
    ])
    const { kept } = await app.services.profiles.read(ADA, REQUEST)
    expect(kept.map(({ topic, memory }) => [topic, memory.text])).toEqual([['said', 'I like tea.']])
  })
})

const who = fc.constantFrom<'ada' | 'bob'>('ada', 'bob')
const addition = fc.record({
  do: fc.constant('add' as const),
  who,
  topic: fc.constantFrom('work', 'health', 'other', 'pets'),
  importance: fc.integer({ min: 1, max: 5 }),
  days: fc.option(fc.integer({ min: 1, max: 9 })),
})
const change = fc.record({
  do: fc.constantFrom('remove' as const, 'revise' as const),
  who,
  which: fc.nat(20),
})
const forgetting = fc.record({ do: fc.constant('forget' as const), who })
const pause = fc.record({ do: fc.constant('wait' as const), pause: fc.integer({ min: 1, max: 4 }) })
const STEPS = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: addition },
    { weight: 3, arbitrary: change },
    { weight: 1, arbitrary: forgetting },
    { weight: 1, arbitrary: pause },
  ),
  { minLength: 1, maxLength: 25 },
)

it('for any sequence of changes, a profile equals one built from the store, for this user only', async () => {
  const app = open()
  let run = 0
  await fc.assert(
    fc.asyncProperty(STEPS, async (steps) => {
      run += 1
      const scopes = { ada: { ...ADA, userId: `ada${run}` }, bob: { ...BOB, userId: `bob${run}` } }
      let id = 0
      for (const step of steps) {
        if (step.do === 'wait') app.clock.advance(step.pause * DAY)
        else {
          const scope = scopes[step.who]
          const all = (await app.engine.list(scope, { limit: 100, accept: () => true })).memories
          const target = 'which' in step && all.length > 0 ? all[step.which % all.length]?.id : undefined
          if (step.do === 'add') {
            const { topic, importance, days } = step
            const at = app.clock.now()
            const expires_at = days === null ? null : at + days * DAY
            const text = `${step.who} knows ${++id}.`
            await learn(app, [{ text, topic, importance, at, expires_at, order: at * 1000 + id }], scope)
          } else if (step.do === 'forget') await app.engine.forget(scope)
          else if (target !== undefined && step.do === 'remove') await app.engine.remove(scope, target)
          else if (target !== undefined)
            await app.engine.revise(scope, target, { text: `${step.who} knows better ${++id}.` }, null)
        }
        for (const [name, scope] of Object.entries(scopes)) {
          const { kept, tokens } = await app.profiles.read(scope, REQUEST)
          const { memories } = await app.engine.list(scope, {
            limit: 100,
            accept: ({ expires_at }) => expires_at === null || expires_at > app.clock.now(),
          })
          const current = memories.map((memory) => memory.text)
          expect(kept.map(({ memory }) => memory.text).toSorted()).toEqual(current.toSorted())
          for (const one of current) expect(one.startsWith(name)).toBe(true)
          expect(tokens).toBeLessThanOrEqual(REQUEST.tokenBudget)
        }
      }
    }),
    { numRuns: 25 },
  )
})
