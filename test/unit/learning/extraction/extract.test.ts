import { describe, expect, it } from 'vitest'
import { extract } from '../../../../sidecar/learning/extraction/extract.ts'
import { ModelUnavailable } from '../../../../sidecar/ports/language-model.ts'
import { json, withFacts } from '../../../helpers/learning/extraction/corpus/bad-answer.ts'
import { batchOf, factsOf } from '../../../helpers/learning/extraction/corpus/talk.ts'
import { chinese, english, french, talks } from '../../../helpers/learning/extraction/corpus/talks.ts'
import { account, extracted, factsIn } from './extracted.ts'
import { modelSaying } from './fake-model.ts'

const one = (text: string, more: object = {}) => ({
  facts: [{ text, topic: 'work', messages: [1], ...more }],
})

describe('extract', () => {
  it('reads a good answer in every language with one call', async () => {
    for (const talk of talks) {
      const { outcome, requests } = await extracted(talk, [json(talk.good)])

      expect(factsIn(outcome)).toEqual(factsOf(talk))
      expect(requests).toHaveLength(1)
      expect(requests[0]).toMatchObject({ purpose: 'extract', account, schema: { name: 'memory' } })
    }
  })

  it('returns entities, relations with sources, and the new summary', async () => {
    const { outcome } = await extracted(english, [json(english.good)])

    expect(outcome).toMatchObject({
      extraction: {
        entities: english.good.entities,
        relations: [
          {
            subject: 'Ana',
            predicate: 'works_at',
            object: "St Mary's hospital",
            source: [{ turnId: 't1', ordinal: 0 }],
          },
          { subject: 'Tom', predicate: 'brother_of', object: 'Ana', source: [{ turnId: 't2', ordinal: 0 }] },
        ],
        summary: english.good.summary,
      },
    })
  })

  it('reads relations in several notations and omits incomplete ones', async () => {
    const relations = [
      ['Ana', 'likes', 'tea'],
      'Ana -> knows -> Tom',
      { source: 'Ana', relation: 'owns', target: 'a dog' },
      { head: 'Ana' },
    ]
    const { outcome } = await extracted(english, [
      json({ facts: [], relations, entities: ['Tom', 'Acme (company)', {}] }),
    ])

    expect(outcome).toMatchObject({
      extraction: {
        relations: [
          { object: 'tea' },
          { predicate: 'knows' },
          { subject: 'Ana', predicate: 'owns', object: 'a dog' },
        ],
        entities: [
          { name: 'Tom', type: '' },
          { name: 'Acme', type: 'company' },
        ],
      },
    })
  })

  it('keeps the old summary when there is no new one, and cuts a long one at a sentence end', async () => {
    const batch = { ...batchOf(english), summary: 'Ana greets.' }
    const model = modelSaying(json({ facts: [] }), json({ facts: [], summary: 'Ana talks. '.repeat(500) }))

    expect(await extract(batch, { model, account })).toMatchObject({ extraction: { summary: 'Ana greets.' } })
    const second = await extract(batch, { model, account })
    expect(second.status === 'read' && second.extraction.summary).toMatch(/^(?:Ana talks\. ?){80,91}$/u)
  })

  it('sends no request for a batch without text', async () => {
    const talk = { ...english, lines: ['<memories>\n- [2026-01-01] Ana: x\n</memories>', ' '] }
    const { outcome, requests } = await extracted(talk, ['never asked'])

    expect(outcome).toMatchObject({ status: 'read', extraction: { facts: [] } })
    expect(requests).toHaveLength(0)
  })

  it('reads an answer in the arguments of a call', async () => {
    const calls = [{ name: 'memory', arguments: json(english.good) }]
    const { outcome } = await extracted(english, [{ text: '', calls, finish: 'other' }])

    expect(factsIn(outcome)).toEqual(factsOf(english))
  })

  it('rejects with ModelUnavailable', async () => {
    const down = new ModelUnavailable('timeout', 'no answer in 30 s')
    const model = { kind: 'down', complete: () => Promise.reject(down) }

    await expect(extract(batchOf(english), { model, account })).rejects.toBe(down)
  })

  it('passes the signal to the model', async () => {
    const { signal } = new AbortController()
    const model = modelSaying(json(english.good))
    await extract(batchOf(english), { model, account, signal })

    expect(model.requests[0]?.signal).toBe(signal)
  })
})

describe('an unusable answer', () => {
  it('is requested once more, with its problem and without its text', async () => {
    const { outcome, requests } = await extracted(english, ['What a lovely brother!', json(english.good)])
    const [first, second] = requests

    expect(factsIn(outcome)).toEqual(factsOf(english))
    expect(requests).toHaveLength(2)
    expect(second?.messages[0]).toEqual(first?.messages[0])
    expect(second?.messages[1]?.content).toContain(first?.messages[1]?.content)
    expect(second?.messages[1]?.content).toContain('could not be used: it was not the JSON object')
    expect(second?.messages[1]?.content).not.toContain('lovely')
  })

  it('is requested again with twice the token limit when it was truncated', async () => {
    const { outcome, requests } = await extracted(english, [
      { text: json(english.good).slice(0, 300), finish: 'length' },
      json(english.good),
    ])

    expect(factsIn(outcome)).toHaveLength(4)
    expect(requests[1]?.maxOutputTokens).toBe(2 * (requests[0]?.maxOutputTokens ?? 0))
    expect(requests[1]?.messages[1]?.content).toContain('Be brief')
  })

  it('is unreadable when it is truncated twice, and offers its complete facts', async () => {
    const cut = { text: json(english.good).slice(0, -2), finish: 'length' as const }
    const { outcome, requests } = await extracted(english, [cut])

    expect(outcome).toMatchObject({ status: 'unreadable', reason: 'truncated' })
    expect(outcome).toMatchObject({ partial: { facts: factsOf(english), summary: '' } })
    expect(requests).toHaveLength(2)
  })

  it('is not requested again when the endpoint declines', async () => {
    const { outcome, requests } = await extracted(english, [{ text: '', finish: 'refused' }])

    expect(outcome).toMatchObject({ status: 'unreadable', reason: 'refused' })
    expect(requests).toHaveLength(1)
  })

  it('does not quote the conversation in its detail', async () => {
    const { outcome } = await extracted(english, ['{"facts": [{"text": "Ana is a nurse'])

    expect(JSON.stringify(outcome)).not.toMatch(/Ana|nurse/u)
  })

  it('is requested again when it is in another script, and unreadable the second time', async () => {
    const translated = json(
      withFacts(chinese.good, (fact, i) => ({ ...fact, text: `Xiaoming does thing number ${i}.` })),
    )
    const mended = await extracted(chinese, [translated, json(chinese.good)])

    expect(factsIn(mended.outcome)).toEqual(factsOf(chinese))
    expect(mended.requests[1]?.messages[1]?.content).toContain('Write each fact in the language')
    expect((await extracted(chinese, [translated])).outcome).toMatchObject({ reason: 'wrong_language' })
  })

  it('is requested again when French became English, and accepted the second time', async () => {
    const texts = [
      'Léa moved to Nantes in March 2026.',
      'Léa goes climbing twice a week with her friend Hugo.',
      'Léa is a vegetarian and she does not like mushrooms at all.',
    ]
    const translated = json(withFacts(french.good, (fact, i) => ({ ...fact, text: texts[i] })))

    expect(factsIn((await extracted(french, [translated, json(french.good)])).outcome)).toEqual(
      factsOf(french),
    )
    const stays = await extracted(french, [translated])
    expect(factsIn(stays.outcome)).toHaveLength(3)
    expect(stays.requests[1]?.messages[1]?.content).toContain('the facts are in english')
    const worse = await extracted(french, [translated, ''])
    expect(factsIn(worse.outcome)).toHaveLength(3)
  })

  it('may contain terms in another script that its message contains', async () => {
    const talk = { ...chinese, lines: ['我会 Linux、Docker 和 Kubernetes。'] }
    const { outcome } = await extracted(talk, [json(one('小明会 Linux、Docker 和 Kubernetes。')), ''])

    expect(factsIn(outcome)).toHaveLength(1)
  })
})
