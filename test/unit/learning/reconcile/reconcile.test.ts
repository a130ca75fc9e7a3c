import { describe, expect, it } from 'vitest'
import { reconcile } from '../../../../sidecar/learning/reconcile/reconcile.ts'
import { UnreadableDecisions } from '../../../../sidecar/learning/reconcile/types.ts'
import { ModelUnavailable } from '../../../../sidecar/ports/language-model.ts'
import {
  brief,
  fact,
  june,
  known,
  MAY,
  run,
  says,
  scripted,
} from '../../../helpers/learning/reconcile/helpers.ts'

const leeds = () => known('k1', 'User lives in Leeds', 'home/city')
const porto = () => fact('User moved to Porto', 'home/city')
const cat = () => known('k2', 'User has a cat named Miso', 'pets/cat')
const secondCat = () => fact('User got a second cat named Momo', 'pets/cat')

describe('an unavailable model or unreadable answers', () => {
  it('rejects with ModelUnavailable, at the first request and at the second', async () => {
    const away = new ModelUnavailable('timeout', 'no answer in 30 s')
    const fails = () => {
      throw away
    }
    const work = { facts: [await porto()], memories: [await leeds()] }
    await expect(run({ ...work, model: scripted(fails) })).rejects.toBe(away)
    await expect(run({ ...work, model: scripted({ text: 'Hm.' }, fails) })).rejects.toBe(away)
  })

  it('rejects with UnreadableDecisions after two answers in prose, without quoting the texts', async () => {
    const work = { facts: [await porto()], memories: [await leeds()] }
    const prose = { text: 'I think that the user moved from Leeds to Porto.' }
    const error = await run({ ...work, model: scripted(prose, prose) }).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(UnreadableDecisions)
    expect(error.message).toContain('the answer contains no decision')
    expect(error.message).not.toMatch(/Porto|Leeds/)
  })

  it('names the problem of the first answer in the second request', async () => {
    const model = scripted({ text: 'Hm.' }, says({ fact: 'Porto', action: 'UPDATE', memory: 'Leeds' }))
    const { decisions, asked } = await run({
      facts: [await porto()],
      memories: [await leeds()],
      model,
    })
    expect(brief(decisions)).toEqual(['0 UPDATE k1: User moved to Porto'])
    expect(asked).toBe(2)
    expect(model.requests[1]?.messages.at(-1)?.content).toContain('the answer contains no decision')
  })

  it('asks again only about undecided facts, with the same numbers', async () => {
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

  it('adds a fact without a decision in two answers', async () => {
    const only = says({ fact: 'Porto', action: 'UPDATE', memory: 'Leeds' })
    const { decisions } = await run({
      facts: [await porto(), await secondCat()],
      memories: [await leeds(), await cat()],
      model: scripted(only, { text: '' }),
    })
    expect(brief(decisions)).toEqual(['0 UPDATE k1: User moved to Porto', '1 ADD'])
    expect(decisions[1]).toMatchObject({ decidedBy: 'rule' })
  })
})

describe('abort signal and errors', () => {
  it('rejects with the reason of an aborted signal and sends no request', async () => {
    const signal = AbortSignal.abort(new Error('closing'))
    const model = scripted()
    await expect(run({ facts: [await porto()], memories: [await leeds()], model, signal })).rejects.toThrow(
      'closing',
    )
    expect(model.requests).toEqual([])
  })

  it('passes the signal to the model and checks it between two requests', async () => {
    const controller = new AbortController()
    const model = scripted(() => {
      controller.abort(new Error('closing'))
      return { text: 'Hm.' }
    })
    const work = { facts: [await porto()], memories: [await leeds()], model, signal: controller.signal }
    await expect(run(work)).rejects.toThrow('closing')
    expect(model.requests[0]?.signal).toBe(controller.signal)
  })

  it('rejects with the error of neighboursOf', async () => {
    const facts = [await porto()]
    const neighboursOf = async () => {
      throw new Error('store is down')
    }
    const options = { neighboursOf, model: scripted(), account: { scope: 's' } }
    await expect(reconcile(facts, options)).rejects.toThrow('store is down')
  })
})

describe('limits of deletion', () => {
  const things = ['violin', 'tennis', 'chess', 'golf', 'piano', 'poker', 'cello']
  const memories = () => Promise.all(things.map((one) => known(one, `User plays ${one}`, `hobby/${one}`)))
  const denials = () => Promise.all(things.map((one) => fact(`User no longer plays ${one}`, `hobby/${one}`)))

  it('deletes at most five memories per batch and adds the other facts', async () => {
    const items = things.map((one) => ({
      fact: `longer plays ${one}`,
      action: 'DELETE',
      memory: `User plays ${one}`,
    }))
    const { decisions } = await run({
      facts: await denials(),
      memories: await memories(),
      model: scripted(says(...items)),
    })
    expect(brief(decisions)).toEqual([
      ...things.slice(0, 5).map((one, i) => `${i} DELETE ${one}`),
      '5 ADD',
      '6 ADD',
    ])
  })

  it('deletes at most two memories per fact, and the first one is superseded', async () => {
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

describe('a fact older than the memory', () => {
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

  it('may refine it', async () => {
    const text = 'User has a dog named Rex, a labrador'
    const { decisions } = await run({
      facts: [await late('Rex is a labrador', 'pets/dog')],
      memories: [await known('k1', 'User has a dog named Rex', 'pets/dog', { at: june(2) })],
      model: scripted(says({ fact: 'labrador', action: 'UPDATE', memory: 'named', text })),
    })
    expect(brief(decisions)).toEqual([`0 UPDATE k1: ${text}`])
  })
})

describe('a fact equal to a memory', () => {
  it('makes its memory a candidate of later facts whose search did not find it', async () => {
    const memory = await leeds()
    const facts = [await fact('User lives in Leeds', 'home/city'), await porto()]
    const model = scripted(says({ fact: 'Porto', action: 'UPDATE', memory: 'Leeds' }))
    const decisions = await reconcile(facts, {
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
