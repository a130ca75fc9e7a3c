import { describe, expect, it } from 'vitest'
import { legacyMemoryIdOf } from '../../../sidecar/memory/model/memory.ts'
import { scopeKey } from '../../../sidecar/memory/model/scope.ts'
import { getTurn, putTurn } from '../../../sidecar/memory/repositories/turns.ts'
import { withoutText } from '../../../sidecar/text/verbatim/message-text.ts'
import { ADA, type OpenEngine, openEngine } from '../../helpers/engine.ts'

const QUESTION = 'Are you allergic to penicillin?'
const CAR = 'Do you own a car?'
const HOUR_MS = 3_600_000

const recallOf = async ({ recall }: OpenEngine, query: string) =>
  (await recall.recallPerQuery(ADA, { query, topK: 3, tokenBudget: 500 })).rendered.text.split('\n')

/** Turns of two messages: the question of the assistant, and the answer. */
const exchange = (question: string, answer: string) => ({
  messages: [
    { role: 'assistant' as const, content: question },
    { role: 'user' as const, content: answer },
  ],
})

describe('a short answer', () => {
  it.each([
    ['Are you allergic to penicillin?', 'Yes.', 'penicillin allergy'],
    ['Are you allergic to penicillin?', 'No', 'Is there a penicillin allergy?'],
    ['ペニシリンのアレルギーはありますか？', 'はい', 'ペニシリン アレルギー'],
    ['ペニシリンのアレルギーはありますか。', 'うん、そう', 'ペニシリン'],
    ['你对青霉素过敏吗？', '对', '青霉素过敏'],
    ['페니실린 알레르기 있으세요?', '네', '페니실린 알레르기'],
    ['Haben Sie eine Penicillinallergie?', 'Ja, seit 2019', 'Penicillinallergie'],
    ['¿Es alérgica a la penicilina?', 'Sí', 'alergia penicilina'],
  ])('to %j is kept, found and shown with the question: %j', async (question, answer, query) => {
    const opened = openEngine()
    await opened.say(1, 'The weather in Leeds is grey and I stay at home.')
    await opened.say(2, '', exchange(question, answer))
    await opened.say(3, 'My cat sleeps on the sofa.')
    expect((await opened.known(answer)).context).toBe(question)
    const lines = await recallOf(opened, query)
    expect(lines[2]).toBe(`- [2026-03-01] user: ${answer} (asked: "${question}")`)
  })

  it('is another memory where it answers another question, and is deleted alone', async () => {
    const { say, engine, all, texts } = openEngine()
    await say(1, '', exchange(QUESTION, 'Yes.'))
    await say(2, '', exchange(CAR, 'Yes.'))
    await say(3, '', exchange(CAR, 'yes'))
    expect((await all()).map(({ context }) => context).sort()).toEqual([QUESTION, CAR, CAR].sort())
    const first = (await all()).find(({ context }) => context === QUESTION)
    await engine.remove(ADA, first?.id as string)
    await say(1, '', exchange(QUESTION, 'Yes.'))
    expect((await all()).every(({ context }) => context === CAR)).toBe(true)
    expect(await texts()).toHaveLength(2)
  })

  it('is the same memory where the same question is asked again', async () => {
    const { say, all } = openEngine()
    await say(1, '', exchange(QUESTION, 'Yes.'))
    await say(2, '', exchange(QUESTION, 'Yes.'))
    expect((await all()).map(({ sources }) => sources.length)).toEqual([2])
  })

  it('keeps a question of the turn before for a day, and is dropped without one', async () => {
    const { say, all, clock } = openEngine()
    await say(1, 'Yes.')
    await say(2, QUESTION)
    clock.advance(23 * HOUR_MS)
    await say(3, 'Yes.')
    await say(4, CAR)
    clock.advance(25 * HOUR_MS)
    await say(5, 'Yes.')
    expect((await all()).map(({ context }) => context)).toEqual([QUESTION])
  })

  it('is dropped where the message before asks nothing', async () => {
    const { say, texts } = openEngine()
    await say(1, '', exchange('I have noted it. Anything else?', 'No, thanks.'))
    expect(await texts()).toEqual([])
  })
})

describe('a message', () => {
  const CODE = 'Use this:\n\n```py\ndef f(x):\n    return x  +  1\n```\n\nIs it right? I run Python 3.9.'

  it('is one memory, as it was said, and the same one when the turn is posted again', async () => {
    const { say, texts, all } = openEngine()
    await say(1, CODE)
    const before = await all()
    expect((await say(1, CODE)).events).toMatchObject([{ event: 'NOOP' }])
    expect((await say(2, ` ${CODE.replace(/\.$/, '')}\n`)).events).toMatchObject([{ event: 'NOOP' }])
    expect(await texts()).toEqual([CODE])
    expect((await all())[0]?.id).toBe(before[0]?.id)
  })

  it('that repeats a piece keeps it once', async () => {
    const { say, texts } = openEngine()
    const paragraph = `${'We walk along the river. '.repeat(30)}\n\n`
    await say(1, paragraph.repeat(5))
    expect(await texts()).toEqual([paragraph.trim()])
  })

  it('is no context of later messages once its memory is deleted, also when it is posted again', async () => {
    const { say, engine, known, all } = openEngine()
    const words = ["I'm on metformin, is that bad?", 'It is a common medicine.']
    await say(1, words)
    await engine.remove(ADA, (await known(words[0] as string)).id)
    expect((await all()).map(({ context }) => context)).toEqual([null])
    await say(1, words)
    expect((await all()).map(({ text, context }) => [text, context])).toEqual([[words[1], null]])
  })

  it('of which an earlier version kept a sentence that was deleted is not kept again', async () => {
    const { say, records, texts } = openEngine()
    const scope = scopeKey(ADA)
    const content = 'What about you? I like tea.'
    const { turnId } = await say(1, [content, 'I like rain.'])
    const turn = await getTurn(records, scope, turnId)
    if (!turn) throw new Error('expected the turn')
    const statement = { agent_id: null, run_id: null, speaker: 'user', text: 'I like tea.' }
    const removed_ids = [legacyMemoryIdOf(scope, statement)]
    const memory_ids = turn.memory_ids.slice(1)
    await records.commit([putTurn(scope, { ...turn, memory_ids, removed_ids, unsaid: [0] })])
    await say(1, [content, 'I like rain.'])
    expect((await getTurn(records, scope, turnId))?.memory_ids).toEqual(memory_ids)
    expect(await texts()).toContain('I like rain.')
  })
})

describe('withoutText', () => {
  it.each([
    [
      'Hi!\n\nI like tea:\n  - green\n  - black\n\nBye!',
      'I like tea:\n  - green\n  - black',
      'Hi!\n\n\n\nBye!',
    ],
    ['I like tea.\nIs it cold? I live in Oslo.', 'I like tea. I live in Oslo.', 'Is it cold?'],
    ['I like tea.', 'I like rain.', ''],
  ])('of %j without %j is %j', (content, text, left) => {
    expect(withoutText(content, text)).toBe(left)
  })
})
