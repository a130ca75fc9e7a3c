import { describe, expect, it } from 'vitest'
import { ADA, setUp } from '../../../helpers/learning/buffer/helpers.ts'
import { type Answer, said, testApp } from '../../../helpers/test-app.ts'

const SCOPE = 'default/ada'

/** Returns for each step whether it moves the fence. */
async function fences(app: ReturnType<typeof testApp>, steps: (() => Promise<Answer>)[]): Promise<boolean[]> {
  const { scopeState } = app.services
  const moved: boolean[] = []
  for (const step of steps) {
    const { fence } = await scopeState.counters(SCOPE)
    expect((await step()).status).toBe(200)
    moved.push((await scopeState.counters(SCOPE)).fence > fence)
  }
  return moved
}

// A block assumes that it knows all turns up to its watermark, so a change below the watermark moves the fence.
describe('the fence moves', () => {
  it('for a turn that arrives after a later one, or again', async () => {
    const app = testApp()
    const add = (turn: number, text: string, conversation_id = 'c') =>
      app.call('POST', '/v1/memories', said(text, { conversation_id, turn }))
    expect(
      await fences(app, [
        () => add(1, 'I live in Porto.'),
        () => add(5, 'I keep bees.'),
        () => add(3, 'I play the cello.'),
        () => add(6, 'I speak Welsh.'),
        () => add(6, 'I speak Welsh. I have a cat.'),
        () => add(1, 'I am a nurse.', 'another'),
      ]),
    ).toEqual([false, false, true, false, true, false])
  })

  it('for an answer that is added to its message, only if a later turn was recalled meanwhile', async () => {
    const app = testApp()
    const user = { role: 'user', content: 'I live in Porto.' }
    const answer = { role: 'assistant', content: 'Porto has fine bridges.' }
    const place = { user_id: 'ada', conversation_id: 'c', turn: 1 }
    const add = (messages: object[], turn = 1) =>
      app.call('POST', '/v1/memories', { ...place, turn, messages })
    const recall = (turn: number) =>
      app.call('POST', '/v1/recall', { ...place, query: 'Where?', turn, strategy: 'cached', window_size: 5 })
    const steps = [
      () => add([user]),
      () => recall(1),
      () => add([user, answer]),
      () => add([{ ...user, content: 'I live in Leeds.' }], 2),
      () => recall(2),
      () => recall(3),
      () => add([{ ...user, content: 'I live in Leeds.' }, answer], 2),
      () => add([{ ...user, content: 'I speak Welsh.' }], 4),
      () => add([{ ...user, content: 'I speak Welsh.' }, answer], 4),
    ]
    expect(await fences(app, steps)).toEqual([false, false, false, false, false, false, true, false, true])
  })

  it('for a restored memory', async () => {
    const app = testApp()
    const { body } = await app.call('POST', '/v1/memories', said('I live in Porto.'))
    const at = `/v1/memories/${body.events[0].id}`
    await app.call('DELETE', `${at}?user_id=ada`)
    expect(await fences(app, [() => app.call('POST', `${at}/restore`, { user_id: 'ada' })])).toEqual([true])
  })

  it('for a turn whose fact is superseded within its batch, but not for turns that became facts', async () => {
    const world = setUp()
    const { scopeState } = world.services
    const flushed = async () => {
      const { fence } = await scopeState.counters('n/ada')
      await world.buffer.flush(ADA)
      return (await scopeState.counters('n/ada')).fence > fence
    }
    await world.post(1, 'I have a cat')
    await world.post(2, 'I speak Welsh')
    expect(await flushed()).toBe(false)
    await world.post(3, 'I live in Leeds')
    await world.post(4, 'I moved to Porto')
    expect(await flushed()).toBe(true)
    expect(await world.texts()).toEqual(['Ada has a cat.', 'Ada lives in Porto.', 'Ada speaks Welsh.'])
  })

  it('for a fact from a turn that was not recallable while pending, such as a question', async () => {
    const world = setUp()
    const { scopeState } = world.services
    const learned = async (turn: number, text: string) => {
      await world.post(turn, text)
      const { fence } = await scopeState.counters('n/ada')
      await world.buffer.flush(ADA)
      return (await scopeState.counters('n/ada')).fence > fence
    }
    expect(await learned(1, 'I speak Welsh')).toBe(false)
    expect(await learned(2, 'Did you know that I have a cat?')).toBe(true)
    expect(await world.texts()).toEqual(['Ada has a cat.', 'Ada speaks Welsh.'])
  })
})
