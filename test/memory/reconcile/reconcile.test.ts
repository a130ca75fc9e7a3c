import { describe, expect, it } from 'vitest'
import { reconcile, UnreadableDecisions } from '../../../sidecar/memory/reconcile/reconcile.ts'
import { ModelUnavailable } from '../../../sidecar/ports/language-model.ts'
import { brief, fact, june, known, MAY, run, says, scripted } from './helpers.ts'

const leeds = () => known('k1', 'User lives in Leeds', 'home/city')
const porto = () => fact('User moved to Porto', 'home/city')
const cat = () => known('k2', 'User has a cat named Miso', 'pets/cat')
const secondCat = () => fact('User got a second cat named Momo', 'pets/cat')

describe('a model that is away or cannot be read', () => {
  it('ModelUnavailable is let through, at the first question and at the second', async () => {
    const away = new ModelUnavailable('timeout', 'no answer in 30 s')
    const fails = () => {
      throw away
    }
    const work = { facts: [await porto()], memories: [await leeds()] }
    await expect(run({ ...work, model: scripted(fails) })).rejects.toBe(away)
    await expect(run({ ...work, model: scripted({ text: 'Hm.' }, fails) })).rejects.toBe(away)
  })

  it('prose twice: nothing is decided, and the error says why without a word of the texts', async () => {
    const work = { facts: [await porto()], memories: [await leeds()] }
    const prose = { text: 'I think that the user moved from Leeds to Porto.' }
    const error = await run({ ...work, model: scripted(prose, prose) }).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(UnreadableDecisions)
    expect(error).toMatchObject({ asked: 2, rejected: [{}, {}] })
    expect(error.message).not.toMatch(/Porto|Leeds/)
  })

  it('prose once: the second question says what was wrong', async () => {
    const model = scripted({ text: 'Hm.' }, says({ fact: 'Porto', action: 'UPDATE', memory: 'Leeds' }))
    const { decisions, asked, rejected } = await run({
      facts: [await porto()],
      memories: [await leeds()],
      model,
    })
    expect(brief(decisions)).toEqual(['0 UPDATE k1: User moved to Porto'])
    expect(asked).toBe(2)
    expect(rejected).toEqual([{ what: 'the answer', why: 'holds no decision' }])
    expect(model.requests[1]?.messages.at(-1)?.content).toContain('the answer: holds no decision')
  })

  it('asks only for what is open, and keeps the numbers', async () => {
    const model = scripted(
      says({ fact: 'Porto', action: 'UPDATE', memory: 'Leeds' }),
      says({ fact: 'Momo', action: 'ADD' }),
    )
    const { decisions, asked } = await run({
      facts: [await porto(), await secondCat()],
      memories: [await leeds(), await cat()],
      model,
    })
    expect(brief(decisions)).toEqual(['0 UPDATE k1: User moved to Porto', '1 ADD'])
    expect(asked).toBe(2)
    const again = model.requests[1]?.messages.at(-1)?.content
    expect(again).toContain('Porto"\n')
    expect(again).toContain('Momo" → 2')
  })

  it('a fact that is left out twice is added, and it is told', async () => {
    const only = says({ fact: 'Porto', action: 'UPDATE', memory: 'Leeds' })
    const { decisions, rejected } = await run({
      facts: [await porto(), await secondCat()],
      memories: [await leeds(), await cat()],
      model: scripted(only, { text: '' }),
    })
    expect(brief(decisions)).toEqual(['0 UPDATE k1: User moved to Porto', '1 ADD'])
    expect(decisions[1]).toMatchObject({ decidedBy: 'rule' })
    expect(rejected).toContainEqual({ what: 'facts[1]', why: 'left undecided, so it is added' })
  })
})

describe('who waits may stop waiting', () => {
  it('an aborted signal is its reason, and nobody is asked', async () => {
    const signal = AbortSignal.abort(new Error('closing'))
    const model = scripted()
    await expect(run({ facts: [await porto()], memories: [await leeds()], model, signal })).rejects.toThrow(
      'closing',
    )
    expect(model.requests).toEqual([])
  })

  it('the signal goes to the model, and is looked at between two questions', async () => {
    const controller = new AbortController()
    const model = scripted(() => {
      controller.abort(new Error('closing'))
      return { text: 'Hm.' }
    })
    const work = { facts: [await porto()], memories: [await leeds()], model, signal: controller.signal }
    await expect(run(work)).rejects.toThrow('closing')
    expect(model.requests[0]?.signal).toBe(controller.signal)
  })

  it('what the neighbours fail with is let through', async () => {
    const facts = [await porto()]
    const neighboursOf = async () => {
      throw new Error('store is down')
    }
    const options = { neighboursOf, model: scripted(), account: { scope: 's' } }
    await expect(reconcile(facts, options)).rejects.toThrow('store is down')
  })
})

describe('no more is deleted than a chat may delete', () => {
  const things = ['violin', 'tennis', 'chess', 'golf', 'piano', 'poker', 'cello']
  const memories = () => Promise.all(things.map((one) => known(one, `User plays ${one}`, `hobby/${one}`)))
  const denials = () => Promise.all(things.map((one) => fact(`User no longer plays ${one}`, `hobby/${one}`)))

  it('at most so many by one batch; the others are kept as what was said', async () => {
    const items = things.map((one) => ({
      fact: `longer plays ${one}`,
      action: 'DELETE',
      memory: `User plays ${one}`,
    }))
    const { decisions, rejected } = await run({
      facts: await denials(),
      memories: await memories(),
      model: scripted(says(...items)),
    })
    expect(brief(decisions)).toEqual([
      ...things.slice(0, 5).map((one, i) => `${i} DELETE ${one}`),
      '5 ADD',
      '6 ADD',
    ])
    expect(rejected).toHaveLength(2)
  })

  it('at most so many by one fact, and the first supersedes', async () => {
    const facts = [await fact('User gave all of it up: violin, tennis, chess, golf, piano', 'hobby/all')]
    const all = await Promise.all(things.map((one) => known(one, `User plays ${one}`, 'hobby/all')))
    const items = things
      .slice(0, 5)
      .map((one) => ({ fact: 'gave', action: 'DELETE', memory: `plays ${one}` }))
    const { decisions } = await run({ facts, memories: all, model: scripted(says(...items)) })
    expect(brief(decisions)).toEqual([
      `0 UPDATE violin: ${facts[0]?.text}`,
      '0 DELETE tennis',
      '0 DELETE chess',
    ])
  })
})

describe('a fact that is older than what is known', () => {
  const late = (text: string, slot: string) => fact(text, slot, { at: MAY })

  it('does not supersede it', async () => {
    const { decisions } = await run({
      facts: [await late('User lives in Leeds', 'home/city')],
      memories: [await known('k1', 'User moved to Porto', 'home/city', { at: june(2) })],
      model: scripted(says({ fact: 'Leeds', action: 'UPDATE', memory: 'Porto' })),
    })
    expect(brief(decisions)).toEqual(['0 NOOP k1'])
    expect(decisions[0]).toMatchObject({ decidedBy: 'rule', reason: expect.stringContaining('said before') })
  })

  it('does not delete it', async () => {
    const { decisions } = await run({
      facts: [await late('User no longer plays the violin', 'hobby/music')],
      memories: [await known('k1', 'User plays the violin', 'hobby/music', { at: june(2) })],
      model: scripted(says({ fact: 'longer', action: 'DELETE', memory: 'User plays' })),
    })
    expect(brief(decisions)).toEqual(['0 NOOP k1'])
  })

  it('may complete it', async () => {
    const text = 'User has a dog named Rex, a labrador'
    const { decisions } = await run({
      facts: [await late('Rex is a labrador', 'pets/dog')],
      memories: [await known('k1', 'User has a dog named Rex', 'pets/dog', { at: june(2) })],
      model: scripted(says({ fact: 'labrador', action: 'UPDATE', memory: 'named', text })),
    })
    expect(brief(decisions)).toEqual([`0 UPDATE k1: ${text}`])
  })
})

describe('a fact that says what is known', () => {
  it('lends its memory to the later facts of the batch, also where a search for them did not find it', async () => {
    const memory = await leeds()
    const facts = [await fact('User lives in Leeds', 'home/city'), await porto()]
    const model = scripted(says({ fact: 'Porto', action: 'UPDATE', memory: 'Leeds' }))
    const { decisions } = await reconcile(facts, {
      model,
      account: { scope: 's' },
      neighboursOf: (one) => (one === facts[0] ? [memory] : []),
    })
    expect(brief(decisions)).toEqual(['0 NOOP k1', '1 UPDATE k1: User moved to Porto'])
    expect(model.requests[0]?.messages.at(-1)?.content).toContain(
      'KNOWN\n1 [2026-05-01] user: "User lives in Leeds"',
    )
  })
})
