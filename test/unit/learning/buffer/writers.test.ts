import { describe, expect, it } from 'vitest'
import { ADA, type SetUp, setUp, unavailable } from '../../../helpers/learning/buffer/helpers.ts'
import { held } from '../../../helpers/learning/buffer/model.ts'
import { quiet } from '../../../helpers/learning/buffer/timers.ts'

/** Runs a function during the model call of a flush. */
async function duringModelCall(at: SetUp, meanwhile: () => Promise<unknown>, purpose = 'extract') {
  const call = held()
  let caught = false
  at.model.always((request) => {
    if (caught || request.purpose !== purpose) return undefined
    caught = true
    return call.behaviour(request)
  })
  const flushing = at.buffer.flush(ADA)
  await call.reached
  at.clock.advance(1000)
  await meanwhile()
  call.release()
  return await flushing
}

async function idOf(at: SetUp, text: string): Promise<string> {
  const { memories } = await at.services.engine.list(ADA, { limit: 100, accept: () => true })
  const found = memories.find((memory) => memory.text === text)
  if (!found) throw new Error(`no memory ${text} among ${memories.map((memory) => memory.text)}`)
  return found.id
}

describe.each(['extract', 'reconcile'])('during the %s call,', (purpose) => {
  it('a deleted memory is not restored', async () => {
    const at = setUp()
    await at.post(1, 'I live in Leeds. I am a nurse', { mode: 'sync' })
    at.clock.advance(1000)
    await at.post(2, 'As I said, I live in Leeds. I am a potter')
    const id = await idOf(at, 'Ada lives in Leeds.')
    await duringModelCall(at, () => at.services.engine.remove(ADA, id), purpose)
    await at.buffer.flush(ADA)
    expect(await at.texts()).toEqual(['Ada works as a potter.'])
    // Nor when the turn that repeated it is posted again with more text.
    await at.post(2, 'As I said, I live in Leeds. I am a potter. I have a cat', { mode: 'sync' })
    expect(await at.texts()).toEqual(['Ada has a cat.', 'Ada works as a potter.'])
  })

  it('a corrected memory keeps its correction', async () => {
    const at = setUp()
    await at.post(1, 'I live in Leeds', { mode: 'sync' })
    await at.post(2, 'I moved to Porto')
    const id = await idOf(at, 'Ada lives in Leeds.')
    const text = 'Ada lives in Leeds, in the north of the city, and has lived there all her life.'
    await duringModelCall(at, () => at.services.engine.revise(ADA, id, { text }, 'she said so'), purpose)
    // The table has no replacement for the corrected text, so both stay; the earlier decision is discarded.
    expect(await at.texts()).toEqual(['Ada lives in Porto.', text].sort())
    expect((await at.history()).filter((row) => row.includes('all her life'))).toHaveLength(1)
  })

  it('a turn that is posted again is extracted in its new text only', async () => {
    const at = setUp()
    await at.post(1, 'I live in Leeds', { mode: 'sync' })
    await at.post(2, 'I have a cat. I moved to Porto')
    await duringModelCall(at, () => at.post(2, 'I speak Welsh'), purpose)
    await at.buffer.flush(ADA)
    expect(await at.texts()).toEqual(['Ada lives in Leeds.', 'Ada speaks Welsh.'])
    expect(at.buffer.list(ADA)).toEqual([])
    expect(await at.pendingStored()).toEqual([])
  })

  it('a forgotten user stays forgotten', async () => {
    const at = setUp()
    await at.post(1, 'I live in Leeds', { mode: 'sync' })
    await at.post(2, 'I moved to Porto')
    await duringModelCall(
      at,
      async () => {
        await at.services.engine.forget(ADA)
        await at.buffer.reload(ADA)
      },
      purpose,
    )
    await quiet()
    expect(await at.texts()).toEqual([])
    expect(await at.history()).toEqual([])
    expect(await at.turnsStored()).toEqual([])
    expect(await at.pendingStored()).toEqual([])
    expect(at.buffer.size).toEqual({ scopes: 0, turns: 0 })
  })

  it('a deleted pending text is not extracted', async () => {
    const at = setUp()
    await at.post(1, 'I live in Leeds', { mode: 'sync' })
    const messages = [
      { role: 'user' as const, name: 'Ada', content: 'I moved to Porto' },
      { role: 'user' as const, name: 'Ada', content: 'I have a cat' },
    ]
    await at.post(2, '', { messages })
    const id = await idOf(at, 'I have a cat')
    await duringModelCall(at, () => at.services.engine.remove(ADA, id), purpose)
    await at.buffer.flush(ADA)
    expect(await at.texts()).toEqual(['Ada lives in Porto.'])
  })
})

it('a turn with a deleted text survives a model failure', async () => {
  const at = setUp()
  const messages = ['I live in Leeds', 'I have a cat'].map((content) => ({
    role: 'user' as const,
    name: 'Ada',
    content,
  }))
  await at.post(1, '', { messages })
  await at.services.engine.remove(ADA, await idOf(at, 'I have a cat'))
  at.model.next(unavailable('timeout'))
  await at.buffer.flush(ADA)
  expect(at.buffer.list(ADA)).toMatchObject([{ attempts: 1, error: 'timeout' }])
  await at.buffer.flush(ADA)
  expect(await at.texts()).toEqual(['Ada lives in Leeds.'])
})

it('a later turn restores a deleted fact', async () => {
  const at = setUp()
  await at.post(1, 'I live in Leeds', { mode: 'sync' })
  at.clock.advance(1000)
  await at.services.engine.remove(ADA, await idOf(at, 'Ada lives in Leeds.'))
  at.clock.advance(1000)
  await at.post(2, 'I live in Leeds', { mode: 'sync' })
  expect(await at.texts()).toEqual(['Ada lives in Leeds.'])
})

it('a fact of two turns is removed when both are replaced', async () => {
  for (const order of [
    [1, 2],
    [2, 1],
  ]) {
    const at = setUp()
    await at.post(1, 'I live in Leeds')
    await at.post(2, 'I live in Leeds, you know')
    await at.buffer.flush(ADA)
    const [first, second] = order as [number, number]
    await at.post(first, 'I have a cat', { mode: 'sync' })
    expect(await at.texts()).toEqual(['Ada has a cat.', 'Ada lives in Leeds.'])
    await at.post(second, 'I speak Welsh', { mode: 'sync' })
    expect(await at.texts()).toEqual(['Ada has a cat.', 'Ada speaks Welsh.'])
  }
})

it('a pending turn that is posted verbatim is no longer pending', async () => {
  const at = setUp()
  await at.post(1, 'I live in Leeds')
  await at.post(1, 'I live in Leeds', { mode: 'verbatim' })
  expect(at.buffer.list(ADA)).toEqual([])
  expect(await at.pendingStored()).toEqual([])
  expect(await at.texts()).toEqual(['I live in Leeds'])
})

it('a turn does not become a source of a memory that was deleted from it', async () => {
  const at = setUp()
  await at.post(1, 'I live in Leeds', { mode: 'sync' })
  at.clock.advance(1000)
  await at.services.engine.remove(ADA, await idOf(at, 'Ada lives in Leeds.'))
  at.clock.advance(1000)
  await at.post(2, 'I live in Leeds', { mode: 'sync' })
  await at.post(1, 'I live in Leeds. I am a nurse', { mode: 'sync' })
  expect(await at.texts()).toEqual(['Ada lives in Leeds.', 'Ada works as a nurse.'])
  // Only the second turn was its source.
  await at.post(2, 'I have a cat', { mode: 'sync' })
  expect(await at.texts()).toEqual(['Ada has a cat.', 'Ada works as a nurse.'])
})

it('a later turn renews an expired memory', async () => {
  const at = setUp()
  const { rules } = await at.services.ruleBook.inForce(ADA.namespace, null)
  await at.services.ruleBook.put(ADA.namespace, null, { ...rules, retention_days: { basic_info: 30 } })
  await at.post(1, 'I live in Leeds', { mode: 'sync' })
  expect(await at.recalled('Leeds')).toEqual(['Ada lives in Leeds.'])
  at.clock.advance(31 * 86_400_000)
  expect(await at.recalled('Leeds')).toEqual([])
  await at.post(2, 'Yes, I live in Leeds', { mode: 'sync' })
  expect(await at.recalled('Leeds')).toEqual(['Ada lives in Leeds.'])
})
