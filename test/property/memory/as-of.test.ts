import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addTurn } from '../../../sidecar/learning/intake/add-turn.ts'
import type { Position } from '../../../sidecar/ports/records.ts'
import { ADA, openEngine } from '../../helpers/engine.ts'
import type { FactTable } from '../../helpers/memory-model.ts'

const FACTS = ['Ada lives in Kyoto.', 'Ada is allergic to peanuts.', 'Ada plays the cello.']

/** Turn `fact` states this fact at a time relative to the clock, or nothing. Times are milliseconds. */
type Step =
  | { do: 'post'; fact: number; says: boolean; at: number; wait: number }
  | { do: 'revise' | 'delete' | 'restore'; fact: number; wait: number }

const fact = fc.nat(FACTS.length - 1)
const wait = fc.integer({ min: 0, max: 3000 })
const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('post' as const),
      fact,
      says: fc.boolean(),
      at: fc.integer({ min: -5000, max: 2000 }),
      wait,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('revise' as const, 'delete', 'restore'), fact, wait }),
  },
)

interface Span {
  text: string
  from: number
  until: number
  /** Set through the API, not by the turn. */
  isManual: boolean
}

/** One memory: its text over time, and the text of each version. */
class Life {
  id = ''
  spans: Span[] = []
  versions: string[] = []
  current: Span | undefined

  begin(text: string, from: number, isManual: boolean): void {
    this.current = { text, from, until: Number.POSITIVE_INFINITY, isManual }
    this.spans.push(this.current)
    this.versions.push(text)
  }

  close(now: number): void {
    if (this.current) this.current.until = now
    this.current = undefined
  }

  /** Removes what the turn stated, as never valid. */
  takeBack(): void {
    this.spans = this.spans.filter(({ isManual }) => isManual)
    if (!this.current?.isManual) this.current = undefined
  }
}

/** The statements of each turn, the API changes, and the texts that were valid at each time. */
class Model {
  readonly lives = FACTS.map((): Life[] => [])
  /** The memory that the turn states, if any. */
  readonly said: (Life | undefined)[] = FACTS.map(() => undefined)
  readonly deleted = new Set<number>()

  post(one: number, says: boolean, at: number): Life | undefined {
    const text = FACTS[one] as string
    const mine = this.said[one]
    if (this.deleted.has(one)) return undefined
    if (!says) {
      mine?.takeBack()
      this.said[one] = undefined
      return undefined
    }
    if (mine?.current) {
      if (!mine.current.isManual && mine.versions.length === 1) mine.current.from = at
      return mine
    }
    const lives = this.lives[one] as Life[]
    const life = lives.find(({ current }) => !current || current.text === text) ?? new Life()
    if (!lives.includes(life)) lives.push(life)
    if (!life.current) life.begin(text, at, false)
    this.said[one] = life
    return life
  }

  validAt(moment: number): string[] {
    return this.lives
      .flat()
      .flatMap(({ spans }) => spans.filter(({ from, until }) => from <= moment && moment < until).slice(-1))
      .map(({ text }) => text)
      .sort()
  }
}

it('as_of answers the same as a naive replay of the events at any time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { minLength: 1, maxLength: 20 }), async (steps) => {
      const { engine, recall, clock, textsAt } = openEngine()
      const model = new Model()
      const moments = new Set<number>()
      const note = (moment: number) => {
        for (const near of [-1, 0, 1]) moments.add(moment + near)
      }
      for (const [n, step] of steps.entries()) {
        clock.advance(step.wait)
        note(clock.now())
        if (step.do === 'post') {
          const at = clock.now() + step.at
          note(at)
          const content = step.says ? (FACTS[step.fact] as string) : ''
          const messages = [{ role: 'user' as const, content, at }]
          const { events } = await addTurn(engine, ADA, {
            conversationId: 'c',
            turn: step.fact + 1,
            messages,
          })
          const life = model.post(step.fact, step.says, at)
          const [event] = events.filter((one) => one.event !== 'DELETE')
          expect(event?.id !== undefined).toBe(life !== undefined)
          if (life && event) {
            if (life.id !== '') expect(event.id).toBe(life.id)
            life.id = event.id
          }
          continue
        }
        const life = model.said[step.fact] ?? model.lives[step.fact]?.[0]
        if (!life) continue
        if (step.do === 'revise' && life.current) {
          const text = `Revision ${n} of it.`
          await engine.revise(ADA, life.id, { text }, null)
          life.close(clock.now())
          life.begin(text, clock.now(), true)
        } else if (step.do === 'delete' && life.current && life === model.said[step.fact]) {
          await engine.remove(ADA, life.id)
          life.close(clock.now())
          model.said[step.fact] = undefined
          model.deleted.add(step.fact)
        } else if (step.do === 'restore' && (!life.current || life.versions.length > 1)) {
          const text = life.versions.at(life.current ? -2 : -1) as string
          await engine.restore(ADA, life.id, undefined, null)
          life.close(clock.now())
          life.begin(text, clock.now(), true)
        }
      }
      for (const moment of moments) {
        const holds = model.validAt(moment)
        expect(await textsAt(moment)).toEqual(holds)
        const { found } = await recall.search(ADA, { query: 'Ada', topK: 1000, threshold: 0, asOf: moment })
        expect(found.map(({ memory }) => memory.text).sort()).toEqual(holds)
        expect(new Set(found.map(({ memory }) => memory.id)).size).toBe(found.length)
      }
      const now = (await engine.list(ADA, { limit: 100, accept: () => true })).memories
      const lives = model.lives.flat()
      expect(now.map(({ text }) => text).sort()).toEqual(
        lives.flatMap(({ current }) => current?.text ?? []).sort(),
      )
      for (const { id, version } of now)
        expect(version).toBe(lives.find((life) => life.id === id)?.versions.length)
    }),
    { numRuns: 40 },
  )
})

describe('as_of', () => {
  const at = (time: string) => Date.parse(`2026-01-01T${time}Z`)

  async function filled(count: number) {
    const open = openEngine()
    for (let n = 1; n <= count; n++) {
      const messages = [{ role: 'user' as const, content: `My lucky number is ${n}00.`, at: at('10:00:00') }]
      await addTurn(open.engine, ADA, { messages })
    }
    return open
  }

  it('lists each memory once in pages, in list order', async () => {
    const { engine } = await filled(23)
    const whole = (await engine.list(ADA, { limit: 100, accept: () => true })).memories
    await engine.revise(ADA, whole[3]?.id as string, { text: 'Corrected.' }, null)
    await engine.remove(ADA, whole[5]?.id as string)
    for (const direction of ['ascending', 'descending'] as const) {
      const expected = whole.map(({ text }) => text)
      if (direction === 'descending') expected.reverse()
      for (const limit of [1, 7, 23, 100]) {
        const texts: string[] = []
        let after: Position | undefined
        do {
          const options = { limit, after, direction, accept: () => true }
          const page = await engine.listAsOf(ADA, at('11:00:00'), options)
          expect(page.memories.length).toBeLessThanOrEqual(limit)
          texts.push(...page.memories.map(({ memory }) => memory.text))
          after = page.next ?? undefined
        } while (after && texts.length < 50)
        expect(texts).toEqual(expected)
      }
    }
  })

  it('dates a memory from its earliest statement, even if that turn is added later', async () => {
    const { engine, textsAt, clock } = openEngine()
    const say = (turn: number, content: string, time: string) =>
      addTurn(engine, ADA, {
        conversationId: 'c',
        turn,
        messages: [{ role: 'user', content, at: at(time) }],
      })
    const [text] = FACTS as [string]
    await say(2, text, '12:00:00')
    await say(1, text, '10:00:00')
    expect(await textsAt(at('09:59:59'))).toEqual([])
    expect(await textsAt(at('10:00:00'))).toEqual([text])
    await say(1, '', '10:00:00')
    expect(await textsAt(at('11:59:59'))).toEqual([])
    expect(await textsAt(at('12:00:00'))).toEqual([text])
    expect(await textsAt(clock.now())).toEqual([text])
  })

  it('supports times before 1970, and forgetting erases such versions', async () => {
    const { engine, textsAt, dump, clock } = openEngine()
    const born = Date.parse('1936-05-01T00:00:00Z')
    const { events } = await addTurn(engine, ADA, {
      messages: [{ role: 'user', content: 'I was born in Nara.', at: born }],
    })
    await engine.revise(ADA, events[0]?.id as string, { text: 'I was born in Uji.' }, null)
    clock.advance(1000)
    await engine.remove(ADA, events[0]?.id as string)
    expect(await textsAt(born)).toEqual(['I was born in Nara.'])
    await engine.forget(ADA)
    for (const records of Object.values(await dump())) expect(records).toEqual([])
    expect(await textsAt(born)).toEqual([])
  })

  it('excludes memories that had expired by that time and includes those that expired later', async () => {
    const { say, known, engine, clock, textsAt } = openEngine()
    await say(1, FACTS[0] as string)
    const before = clock.now()
    clock.advance(10_000)
    const { id } = await known(FACTS[0] as string)
    await engine.revise(ADA, id, { expires_at: clock.now() + 10_000 }, null)
    clock.advance(60_000)
    expect(await textsAt(before)).toEqual(FACTS.slice(0, 1))
    expect(await textsAt(clock.now() - 55_000)).toEqual(FACTS.slice(0, 1))
    expect(await textsAt(clock.now() - 50_000)).toEqual([])
    expect(await textsAt(clock.now())).toEqual([])
    // An expiry in the past applies from the time of the change.
    await engine.revise(ADA, id, { expires_at: null }, null)
    clock.advance(1000)
    await engine.revise(ADA, id, { expires_at: before }, null)
    expect(await textsAt(clock.now() - 1)).toEqual(FACTS.slice(0, 1))
    expect(await textsAt(clock.now())).toEqual([])
  })

  it('excludes pending memories', async () => {
    const { hear, textsAt, clock } = openEngine()
    await hear(1, FACTS[0] as string)
    expect(await textsAt(clock.now())).toEqual([])
  })

  it('excludes versions that were taken back', async () => {
    const facts: FactTable = {
      'to Leeds': [
        { text: 'Ada lives in Leeds.', topic: 'basic_info', sub_topic: 'home', replaces: /lives/ },
      ],
      'to Porto': [
        { text: 'Ada lives in Porto.', topic: 'basic_info', sub_topic: 'home', replaces: /lives/ },
      ],
    }
    const { learn, recall, clock } = openEngine({ facts })
    await learn(1, 'I moved to Leeds.')
    await learn(2, 'I moved to Porto.')
    await learn(2, 'No, I did not.')
    for (const asOf of [clock.now(), clock.now() - 60_000]) {
      const { found } = await recall.search(ADA, { query: 'Where does Ada live?', topK: 5, asOf })
      expect(found.map(({ memory }) => memory.text)).toEqual(['Ada lives in Leeds.'])
    }
  })

  it('ranks only the memories of that time', async () => {
    const { engine, recall, clock } = openEngine()
    const say = async (content: string) => {
      clock.advance(1000)
      await addTurn(engine, ADA, { messages: [{ role: 'user', content }] })
      return clock.now()
    }
    const early = await say('Kyoto is where I went to school.')
    for (let n = 0; n < 30; n++) await say(`Kyoto, Kyoto: ${n} times I said Kyoto.`)
    const { found } = await recall.search(ADA, { query: 'Kyoto', topK: 5, asOf: early })
    expect(found.map(({ memory }) => memory.text)).toEqual(['Kyoto is where I went to school.'])
  })
})
