import { describe, expect, it } from 'vitest'
import {
  brief,
  fact,
  june,
  known,
  run,
  says,
  scripted,
  writes,
} from '../../../helpers/learning/reconcile/helpers.ts'

describe('facts about a person', () => {
  it('a new city supersedes the old one without a shared word', async () => {
    const model = scripted(
      says({ fact: 'Porto', action: 'UPDATE', memory: 'Leeds', text: 'User lives in Porto', why: 'moved' }),
    )
    const { decisions, asked } = await run({
      facts: [await fact('User moved to Porto', 'home/city')],
      memories: [await known('k1', 'User lives in Leeds', 'home/city')],
      model,
    })
    expect(brief(decisions)).toEqual(['0 UPDATE k1: User lives in Porto'])
    expect(decisions[0]).toMatchObject({ reason: 'moved', decidedBy: 'model' })
    expect(asked).toBe(1)
    expect(model.requests[0]).toMatchObject({ purpose: 'reconcile', account: { scope: 'scope' } })
  })

  it('a new job updates one memory and deletes another', async () => {
    const { decisions } = await run({
      facts: [await fact('User started as a nurse at St James hospital', 'work/job')],
      memories: [
        await known('k1', 'User works as a baker', 'work/job'),
        await known('k2', 'User is looking for a new job', 'work/job'),
      ],
      model: scripted(
        says(
          { fact: 'nurse', action: 'UPDATE', memory: 'baker', text: 'User is a nurse at St James hospital' },
          { fact: 'nurse', action: 'DELETE', memory: 'looking' },
        ),
      ),
    })
    expect(brief(decisions)).toEqual(['0 UPDATE k1: User is a nurse at St James hospital', '0 DELETE k2'])
  })

  it.for([
    [
      'a pure negation deletes the memory',
      'User stopped eating meat',
      'User eats meat',
      'DELETE',
      null,
      '0 DELETE k1',
    ],
    [
      'a second cat is added',
      'User got a second cat, Momo',
      'User has a cat named Miso',
      'ADD',
      null,
      '0 ADD',
    ],
    [
      'a paraphrase is a NOOP',
      'User was born on the third of May',
      "User's birthday is May 3",
      'NOOP',
      null,
      '0 NOOP k1',
    ],
    [
      'a corrected spelling updates the memory',
      "User's sister is spelled Kathryn",
      "User's sister is called Catherine",
      'UPDATE',
      "User's sister is called Kathryn",
      "0 UPDATE k1: User's sister is called Kathryn",
    ],
  ] as const)('%s', async ([, stated, memory, action, text, expected]) => {
    const { decisions } = await run({
      facts: [await fact(stated, 'one/subject')],
      memories: [await known('k1', memory, 'one/subject')],
      model: scripted(says({ fact: stated, action, memory: action === 'ADD' ? null : memory, text })),
    })
    expect(brief(decisions)).toEqual([expected])
  })

  it.each([
    ['the fact states more than a negation', 'User is vegetarian since May', {}],
    ['the fact has a date', 'User stopped eating meat', { eventDate: '2026-05-01' }],
  ])('a bare DELETE supersedes the memory when %s', async (_, text, more) => {
    const { decisions } = await run({
      facts: [await fact(text, 'food/diet', more)],
      memories: [await known('k1', 'User eats meat', 'food/diet')],
      model: scripted(says({ fact: text, action: 'DELETE', memory: 'User eats' })),
    })
    expect(brief(decisions)).toEqual([`0 UPDATE k1: ${text}`])
  })

  it('reads decisions from the text of an endpoint without functions', async () => {
    const { decisions } = await run({
      facts: [await fact('User moved to Porto', 'home/city')],
      memories: [await known('k1', 'User lives in Leeds', 'home/city')],
      model: scripted(
        writes({ fact: 'Porto', action: 'UPDATE', memory: 'Leeds', text: 'User lives in Porto' }),
      ),
    })
    expect(brief(decisions)).toEqual(['0 UPDATE k1: User lives in Porto'])
  })
})

describe('other languages', () => {
  it.each([
    ['Japanese', 'リーズに住んでいる', 'ポルトに引っ越した', 'ポルトに住んでいる'],
    ['Chinese', '用户住在利兹', '用户搬到了波尔图', '用户住在波尔图'],
    ['Korean', '사용자는 리즈에 산다', '사용자는 포르투로 이사했다', '사용자는 포르투에 산다'],
    ['Russian', 'Пользователь живёт в Лидсе', 'Пользователь переехал в Порту', 'Пользователь живёт в Порту'],
  ])('%s: a new city supersedes the old one', async (_, old, moved, now) => {
    const { decisions } = await run({
      facts: [await fact(moved, 'home/city')],
      memories: [await known('k1', old, 'home/city')],
      model: scripted(says({ fact: moved, action: 'UPDATE', memory: old, text: now })),
    })
    expect(brief(decisions)).toEqual([`0 UPDATE k1: ${now}`])
  })

  it.each([
    ['Japanese', '肉を食べる', '肉を食べるのをやめた'],
    ['Chinese', '用户吃肉', '用户不再吃肉'],
  ])('%s: a negation deletes', async (_, old, denial) => {
    const { decisions } = await run({
      facts: [await fact(denial, 'food/diet')],
      memories: [await known('k1', old, 'food/diet')],
      model: scripted(says({ fact: denial, action: 'DELETE', memory: 1 })),
    })
    expect(brief(decisions)).toEqual(['0 DELETE k1'])
  })

  it.each([
    ['Japanese', 'ポルトに引っ越した', 'リーズに住んでいる'],
    ['Chinese', '用户搬到了波尔图', '用户住在利兹'],
  ])('%s: a translated text is rejected', async (_, moved, old) => {
    const { decisions } = await run({
      facts: [await fact(moved, 'home/city')],
      memories: [await known('k1', old, 'home/city')],
      model: scripted(says({ fact: moved, action: 'UPDATE', memory: old, text: 'The user lives in Porto' })),
    })
    expect(brief(decisions)).toEqual([`0 UPDATE k1: ${moved}`])
  })
})

describe('facts of one batch about the same subject', () => {
  const LEEDS = 'User lives in Leeds'
  const PORTO = 'User moved to Porto'
  const LISBON = 'User settled in Lisbon'
  const VIOLIN = 'User plays the violin'
  const NO_VIOLIN = 'User no longer plays the violin'
  const REX = 'User has a dog named Rex'

  /** Facts and memories of one topic; `decided`: fact, action, memory and text of the model, in one answer. */
  const cases: {
    title: string
    facts: string[]
    memories?: string[]
    decided: [fact: string, action: string, memory: string, text?: string][]
    expected: string[]
  }[] = [
    {
      title: 'are in one request, and the later one wins',
      facts: [LEEDS, PORTO],
      decided: [['Porto', 'UPDATE', 'Leeds']],
      expected: ['0 NOOP null by 1', '1 ADD'],
    },
    {
      title: 'the last one updates the memory that an earlier one changed',
      facts: [PORTO, LISBON],
      memories: [LEEDS],
      decided: [
        ['Porto', 'UPDATE', 'Leeds'],
        ['Lisbon', 'UPDATE', 'Porto'],
      ],
      expected: ['0 NOOP null by 1', `1 UPDATE k1: ${LISBON}`],
    },
    {
      title: 'a repeated statement at the end wins over the one between',
      facts: [LEEDS, PORTO, LEEDS],
      decided: [['Leeds', 'UPDATE', 'Porto']],
      expected: ['0 NOOP null as 2', '1 NOOP null by 2', '2 ADD'],
    },
    {
      title: 'a known statement that is repeated at the end is kept',
      facts: [PORTO, LEEDS],
      memories: [LEEDS],
      decided: [['Porto', 'UPDATE', 'Leeds']],
      expected: ['0 NOOP null by 1', '1 NOOP k1'],
    },
    {
      title: 'one refines the other: the merged text is added',
      facts: [REX, 'Rex is a labrador'],
      decided: [['Rex is', 'UPDATE', 'named Rex', 'User has a labrador named Rex']],
      expected: ['0 NOOP null by 1', '1 ADD: User has a labrador named Rex'],
    },
    {
      title: 'both refine one memory independently: neither is lost',
      facts: ['Rex is a labrador', 'Rex is 3 years old'],
      memories: [REX],
      decided: [
        ['labrador', 'UPDATE', 'named', `${REX}, a labrador`],
        ['3 years', 'UPDATE', 'named', `${REX}, 3 years old`],
      ],
      expected: ['0 ADD', `1 UPDATE k1: ${REX}, 3 years old`],
    },
    {
      title: 'both replace one memory: the later one wins',
      facts: [PORTO, LISBON],
      memories: [LEEDS],
      decided: [
        ['Porto', 'UPDATE', 'Leeds', 'User lives in Porto'],
        ['Lisbon', 'UPDATE', 'Leeds', 'User lives in Lisbon'],
      ],
      expected: ['0 NOOP null by 1', '1 UPDATE k1: User lives in Lisbon'],
    },
    {
      title: 'a negation supersedes an earlier fact',
      facts: [VIOLIN, NO_VIOLIN],
      decided: [['no longer', 'DELETE', 'User plays']],
      expected: ['0 NOOP null by 1', '1 ADD'],
    },
    {
      title: 'a deleted memory that is stated again is kept',
      facts: [NO_VIOLIN, 'User practises the violin every day'],
      memories: [VIOLIN],
      decided: [
        ['no longer', 'DELETE', 'User plays'],
        ['practises', 'NOOP', 'User plays'],
      ],
      expected: ['0 NOOP null by 1', '1 NOOP k1'],
    },
    {
      title: 'an update back to the text of the memory is a NOOP',
      facts: [PORTO, 'User moved back to Leeds'],
      memories: [LEEDS],
      decided: [
        ['Porto', 'UPDATE', 'lives in Leeds'],
        ['back', 'UPDATE', 'Porto', LEEDS],
      ],
      expected: ['0 NOOP null by 1', '1 NOOP k1'],
    },
    {
      title: 'two negations delete once',
      facts: [NO_VIOLIN, "User doesn't play the violin anymore"],
      memories: [VIOLIN],
      decided: [
        ['no longer', 'DELETE', 'User plays'],
        ['anymore', 'DELETE', 'User plays'],
      ],
      expected: ['0 DELETE k1', '1 NOOP k1'],
    },
    {
      title: 'a memory is not deleted again by a fact that updates another memory',
      facts: [NO_VIOLIN, 'User switched to the cello'],
      memories: [VIOLIN, 'User looks for an instrument'],
      decided: [
        ['no longer', 'DELETE', 'User plays'],
        ['cello', 'UPDATE', 'looks for'],
        ['cello', 'DELETE', 'User plays'],
      ],
      expected: ['0 DELETE k1', '1 UPDATE k2: User switched to the cello'],
    },
  ]

  it.for(cases)('$title', async ({ facts, memories = [], decided, expected }) => {
    const items = decided.map(([about, action, memory, text]) => ({
      fact: about,
      action,
      memory,
      text: text ?? null,
    }))
    const model = scripted(says(...items))
    const { decisions } = await run({
      facts: await Promise.all(facts.map((text, i) => fact(text, 'one/subject', { at: june(i + 1) }))),
      memories: await Promise.all(memories.map((text, i) => known(`k${i + 1}`, text, 'one/subject'))),
      model,
    })
    expect(brief(decisions)).toEqual(expected)
    expect(model.requests).toHaveLength(1)
  })
})
