import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ADA, openEngine } from '../../helpers/engine.ts'
import type { FactTable } from '../../helpers/memory-model.ts'

const LEEDS = 'Ada lives in Leeds.'
const PORTO = 'Ada lives in Porto.'
const ROME = 'Ada lives in Rome.'
const CAT = 'Ada has a cat called Biscuit.'
const NO_CAT = 'Ada no longer has a cat called Biscuit.'
const NURSE = 'Ada works as a nurse.'

const home = (text: string) => ({ text, topic: 'basic_info', sub_topic: 'home', replaces: /^Ada lives in / })
const pet = { topic: 'relationships', sub_topic: 'pets' }
const FACTS: FactTable = {
  'in Leeds': [home(LEEDS)],
  'to Porto': [home(PORTO)],
  'to Rome': [home(ROME)],
  'Porto is home': [{ text: 'Ada dwells in Porto.', topic: 'basic_info', sub_topic: 'home', repeats: PORTO }],
  'called Biscuit': [{ text: CAT, ...pet }],
  'gave Biscuit away': [{ text: NO_CAT, ...pet, denies: CAT }],
  'as a nurse': [{ text: NURSE, topic: 'work', sub_topic: 'role' }],
}
const NOTHING = 'Let us speak of other things.'

describe('an extracted turn that is posted again with other content', () => {
  it('undoes its additions', async () => {
    const { learn, texts, engine, known } = openEngine({ facts: FACTS })
    await learn(1, 'I live in Leeds.')
    const { id } = await known(LEEDS)
    await learn(1, NOTHING)
    expect(await texts()).toEqual([])
    expect(await engine.history(ADA, id)).toMatchObject([
      { event: 'ADD', version: 1, turn: 1, model: 'in-process' },
      { event: 'DELETE', version: 1, before: LEEDS, after: null, reason: 'the turn was replaced', turn: 1 },
    ])
  })

  it('undoes its updates, which count as never valid', async () => {
    const { learn, texts, textsAt, clock, known } = openEngine({ facts: FACTS })
    await learn(1, 'I live in Leeds.')
    await learn(3, 'I moved to Porto.')
    const between = clock.now()
    expect(await textsAt(between)).toEqual([PORTO])
    await learn(3, NOTHING)
    expect(await texts()).toEqual([LEEDS])
    expect(await textsAt(between)).toEqual([LEEDS])
    expect((await known(LEEDS)).sources.map(({ turn }) => turn)).toEqual([1])
  })

  it('undoes its deletions', async () => {
    const { learn, texts, known, engine } = openEngine({ facts: FACTS })
    await learn(1, 'I have a cat called Biscuit.')
    const { id } = await known(CAT)
    await learn(2, 'I gave Biscuit away.')
    expect(await texts()).toEqual([])
    await learn(2, NOTHING)
    expect(await texts()).toEqual([CAT])
    expect((await engine.history(ADA, id)).map(({ event, version }) => `${event} ${version}`)).toEqual([
      'ADD 1',
      'DELETE 1',
      'RESTORE 2',
    ])
  })

  it('is removed as a source of memories that it repeated', async () => {
    const { learn, known } = openEngine({ facts: FACTS })
    await learn(1, 'I live in Leeds.')
    await learn(2, 'As I said, in Leeds.')
    expect((await known(LEEDS)).sources.map(({ turn }) => turn)).toEqual([1, 2])
    await learn(2, NOTHING)
    expect((await known(LEEDS)).sources.map(({ turn }) => turn)).toEqual([1])
  })

  it('keeps content that another turn states too', async () => {
    const { learn, texts, known } = openEngine({ facts: FACTS })
    await learn(1, 'I live in Leeds.')
    await learn(2, 'I moved to Porto.')
    await learn(3, 'Porto is home.')
    await learn(2, NOTHING)
    expect(await texts()).toEqual([PORTO])
    expect((await known(PORTO)).sources.map(({ turn }) => turn)).toEqual([1, 3])
    await learn(3, NOTHING)
    expect(await texts()).toEqual([LEEDS])
    await learn(1, NOTHING)
    expect(await texts()).toEqual([])
  })

  it('keeps later corrections', async () => {
    const { learn, texts, known, engine } = openEngine({ facts: FACTS })
    await learn(1, 'I live in Leeds and work as a nurse.')
    await learn(2, 'I moved to Porto.')
    await engine.revise(ADA, (await known(PORTO)).id, { text: 'Ada lives near Porto.' }, null)
    await engine.revise(ADA, (await known(NURSE)).id, { importance: 5 }, null)
    await learn(2, NOTHING)
    await learn(1, NOTHING)
    expect(await texts()).toEqual(['Ada lives near Porto.', NURSE])
  })

  it('restores the correction that it had superseded, and nothing older', async () => {
    const { learn, texts, known, engine, clock } = openEngine({ facts: FACTS })
    await learn(1, 'I live in Leeds.')
    clock.advance(1000)
    await engine.revise(ADA, (await known(LEEDS)).id, { text: 'Ada lives in Leeds, in a boat.' }, null)
    await learn(2, 'I moved to Porto.')
    await learn(2, NOTHING)
    expect(await texts()).toEqual(['Ada lives in Leeds, in a boat.'])
    await learn(1, NOTHING)
    expect(await texts()).toEqual(['Ada lives in Leeds, in a boat.'])
  })

  it('keeps a correction that it repeated', async () => {
    const { learn, texts, known, engine } = openEngine({ facts: FACTS })
    await learn(1, 'I live in Leeds.')
    await engine.revise(ADA, (await known(LEEDS)).id, { text: PORTO }, null)
    await learn(2, 'Porto is home.')
    await learn(2, NOTHING)
    expect(await texts()).toEqual([PORTO])
  })

  it('does not restore a memory whose own turn was undone', async () => {
    const { learn, texts } = openEngine({ facts: FACTS })
    await learn(1, 'I have a cat called Biscuit.')
    await learn(2, 'I gave Biscuit away.')
    await learn(1, NOTHING)
    await learn(2, NOTHING)
    expect(await texts()).toEqual([])
  })

  it('restores the last valid version if the deleted version was undone', async () => {
    const facts: FactTable = {
      ...FACTS,
      'not in Porto': [
        { text: 'Ada no longer lives in Porto.', topic: 'basic_info', sub_topic: 'home', denies: PORTO },
      ],
    }
    const { learn, texts } = openEngine({ facts })
    await learn(1, 'I live in Leeds.')
    await learn(2, 'I moved to Porto.')
    await learn(3, 'I am not in Porto any more.')
    expect(await texts()).toEqual([])
    await learn(2, NOTHING)
    await learn(3, NOTHING)
    expect(await texts()).toEqual([LEEDS])
  })

  it('ends up with its last content after three posts', async () => {
    const { learn, texts, engine, known, all } = openEngine({ facts: FACTS })
    await learn(1, 'I live in Leeds.')
    for (const words of ['I moved to Porto.', 'I moved to Rome.', 'I moved to Porto.']) await learn(2, words)
    expect(await texts()).toEqual([PORTO])
    const { id, version } = await known(PORTO)
    expect(await all()).toHaveLength(1)
    const history = await engine.history(ADA, id)
    expect(history.map((row) => row.version)).toEqual(Array.from({ length: version }, (_, i) => i + 1))
    expect(history.map(({ after }) => after)).toEqual([LEEDS, PORTO, LEEDS, ROME, LEEDS, PORTO])
  })

  it('keeps its memories when it becomes verbatim', async () => {
    const { learn, say, texts } = openEngine({ facts: { 'in Leeds': [home('I live in Leeds.')] } })
    await learn(1, 'I live in Leeds.')
    const { events } = await say(1, ['I live in Leeds.', 'I like it there.'])
    expect(events.map(({ event, memory }) => `${event} ${memory}`)).toEqual([
      'ADD I live in Leeds.',
      'ADD I like it there.',
    ])
    expect(await texts()).toEqual(['I like it there.', 'I live in Leeds.'])
  })
})

describe('an extracted turn that is posted again unchanged', () => {
  it('changes nothing and calls no model', async () => {
    const { learn, asked, dump } = openEngine({ facts: FACTS })
    await learn(1, 'I live in Leeds.')
    await learn(2, 'I moved to Porto.')
    const before = { store: await dump(), asked: asked.length }
    for (let i = 0; i < 3; i++)
      await learn(1 + (i % 2), ['I live in Leeds.', 'I moved to Porto.'][i % 2] ?? '')
    expect({ store: await dump(), asked: asked.length }).toEqual(before)
  })

  it('is the same call while it is pending, and its extraction in flight counts', async () => {
    const { hear, dump } = openEngine({ facts: FACTS })
    const first = await hear(1, 'I live in Leeds.')
    const before = await dump()
    const again = await hear(1, 'I live in Leeds.')
    expect(again).toEqual({ ...first, change: 'unchanged', events: [] })
    expect(await dump()).toEqual(before)
  })

  it('is extracted if it was verbatim before', async () => {
    const { say, learn, asked, texts } = openEngine({ facts: FACTS })
    await say(1, 'I live in Leeds.')
    await learn(1, 'I live in Leeds.')
    expect(asked).toHaveLength(1)
    expect(await texts()).toEqual([LEEDS])
  })

  it('moves to another agent if it names one', async () => {
    const { learn, all } = openEngine({ facts: FACTS })
    await learn(1, 'I live in Leeds.')
    await learn(1, 'I live in Leeds.', { agentId: 'b' })
    expect((await all()).map(({ agent_id }) => agent_id)).toEqual(['b'])
  })
})

it('after any sequence of replaced turns, the last statement of the other turns is valid', async () => {
  const cities = ['Leeds', 'Porto', 'Rome', 'Oslo', 'Bonn']
  const facts = Object.fromEntries(cities.map((city) => [`to ${city}`, [home(`Ada lives in ${city}.`)]]))
  const order = fc.shuffledSubarray(cities.map((_, i) => i + 1))
  await fc.assert(
    fc.asyncProperty(order, fc.array(fc.nat(cities.length - 1)), async (replaced, back) => {
      const { learn, texts, textsAt, clock, engine, all } = openEngine({ facts })
      const moments: number[] = []
      for (const [i, city] of cities.entries()) {
        await learn(i + 1, `I moved to ${city}.`)
        moments.push(clock.now())
      }
      const valid = new Set(cities.map((_, i) => i + 1))
      const check = async () => {
        const last = Math.max(...valid)
        expect(await texts()).toEqual(valid.size > 0 ? [`Ada lives in ${cities[last - 1]}.`] : [])
        for (const [i, moment] of moments.entries()) {
          const then = Math.max(0, ...[...valid].filter((turn) => turn <= i + 1))
          expect(await textsAt(moment)).toEqual(then > 0 ? [`Ada lives in ${cities[then - 1]}.`] : [])
        }
      }
      for (const turn of replaced) {
        await learn(turn, NOTHING)
        valid.delete(turn)
        await check()
      }
      // A repeated statement in a new turn counts like any other.
      for (const [i, city] of back.entries()) {
        await learn(100 + i, `I moved to ${cities[city]}.`)
        expect(await texts()).toEqual([`Ada lives in ${cities[city]}.`])
      }
      for (const { id, version } of await all()) {
        const rows = await engine.history(ADA, id)
        expect(rows.filter(({ event }) => event !== 'DELETE').map((row) => row.version)).toEqual(
          Array.from({ length: version }, (_, i) => i + 1),
        )
      }
    }),
    { numRuns: 12 },
  )
})
