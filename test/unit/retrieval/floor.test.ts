import { describe, expect, it } from 'vitest'
import { said, testApp } from '../../helpers/test-app.ts'

const LIFE = [
  'I live in a flat above a bakery in Porto with my sister.',
  'My dentist moved the appointment to the third of May.',
  '妹は来年から京都の大学に通います。',
  '我对花生过敏，出门总带着药。',
  'Mein Hund Bello frisst nur noch Reis mit Huhn.',
  'Mi jefa se llama Carmen y trabajamos en una imprenta.',
  '저는 매주 화요일에 수영을 배워요.',
]

async function withLife() {
  const app = testApp()
  for (const text of LIFE) await app.call('POST', '/v1/memories', said(text))
  const recall = async (query: string, rest: object = {}) =>
    (await app.call('POST', '/v1/recall', { user_id: 'ada', query, strategy: 'per_query', ...rest })).body
  return { ...app, recall }
}

describe('a recall without a threshold', () => {
  it.each([
    'hello',
    'Thanks a lot!',
    'Guten Morgen',
    'danke dir!',
    '¿Qué tal?',
    'ありがとう',
    '谢谢',
    '수고하셨어요',
    'quantum chromodynamics lattice',
    'Warum ist der Himmel blau?',
    '量子色力学の格子計算',
  ])('finds nothing for %s', async (query) => {
    const { recall } = await withLife()
    expect(await recall(query)).toMatchObject({ status: 'empty', memories: [], context: '', tokens: 0 })
  })

  it.each([
    ['Where do I live?', 'bakery'],
    ['When is the dentist?', 'dentist'],
    ['妹の大学はどこ？', '京都'],
    ['我对什么过敏？', '花生'],
    ['Was frisst mein Hund?', 'Bello'],
    ['¿Cómo se llama mi jefa?', 'Carmen'],
    ['수영은 언제 배워요?', '화요일'],
  ])('answers %s', async (query, wanted) => {
    const { recall } = await withLife()
    const { status, memories } = await recall(query)
    expect(status).toBe('ok')
    expect(memories[0].memory).toContain(wanted)
    expect(memories[0].score).toBeGreaterThan(0)
    expect(memories[0].score).toBeLessThan(1)
  })

  it('answers a question that has no subject', async () => {
    const { recall } = await withLife()
    expect((await recall('What do you know about me?')).count).toBe(LIFE.length)
  })

  it.each([
    ['I am allergic to peanuts.', 'Which foods should I avoid?'],
    ['Ich bin Vegetarier.', 'Was soll ich heute kochen?'],
    ['我对花生过敏。', '我不能吃什么？'],
  ])('answers a question in the first person from few memories: %s', async (text, question) => {
    const { call } = testApp()
    const recall = async (query: string) =>
      (await call('POST', '/v1/recall', { user_id: 'ada', query, strategy: 'per_query' })).body
    expect(await recall(question)).toMatchObject({ status: 'empty', count: 0 })
    await call('POST', '/v1/memories', said(text))
    expect(await recall(question)).toMatchObject({ status: 'ok', count: 1 })
    for (const query of ['hello', 'Thanks a lot!', 'quantum chromodynamics lattice'])
      expect(await recall(query)).toMatchObject({ status: 'empty', count: 0 })
  })

  it('finds nothing for a question in the first person that shares nothing with many memories', async () => {
    const { recall } = await withLife()
    expect(await recall('Which foods should I avoid?')).toMatchObject({ status: 'empty', count: 0 })
  })

  it('still serves a cached block to a greeting', async () => {
    const { recall } = await withLife()
    const window = { strategy: 'cached', conversation_id: 'c', turn: 1, window_size: 5 }
    expect((await recall('hello', window)).block).toContain('bakery')
  })
})

describe('a threshold', () => {
  it('of 0 returns the nearest memories in any case, and a high one only relevant memories', async () => {
    const { recall } = await withLife()
    expect((await recall('quantum chromodynamics lattice', { threshold: 0 })).count).toBe(LIFE.length)
    const { memories } = await recall('When is the dentist?', { threshold: 0 })
    const between = (memories[0].score + memories[1].score) / 2
    expect((await recall('When is the dentist?', { threshold: between })).count).toBe(1)
  })
})
