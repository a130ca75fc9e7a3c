import { describe, expect, it } from 'vitest'
import { ADA, openEngine } from '../../helpers/engine.ts'
import type { FactTable } from '../../helpers/memory-model.ts'

const TEA = 'Ada likes green tea.'
const KYOTO = 'Ada lives in Kyoto.'
const home = { topic: 'basic_info', sub_topic: 'home' }
const FACTS: FactTable = {
  'in Leeds': [{ text: 'Ada lives in Leeds.', ...home }],
  'to Porto': [{ text: 'Ada lives in Porto.', ...home, replaces: 'Ada lives in Leeds.' }],
}

describe('the history of a memory', () => {
  it('has one complete row per change, oldest first', async () => {
    const { say, engine, clock } = openEngine()
    const { events, turnId } = await say(7, TEA)
    const id = events[0]?.id as string
    const at = [clock.now()]
    const later = () => {
      clock.advance(1000)
      at.push(clock.now())
    }
    later()
    await engine.revise(ADA, id, { text: 'Ada likes black tea.' }, 'she said so')
    later()
    await engine.revise(ADA, id, { importance: 5 }, null)
    later()
    await engine.remove(ADA, id, 'enough of tea')
    later()
    await engine.restore(ADA, id, 1, null)
    const black = 'Ada likes black tea.'
    const byApi = { actor: 'api', turn_id: null, conversation_id: null, turn: null }
    const byTurn = { actor: 'verbatim', turn_id: turnId, conversation_id: 'c', turn: 7 }
    const rows = [
      { event: 'ADD', version: 1, before: null, after: TEA, reason: null, ...byTurn },
      { event: 'UPDATE', version: 2, before: TEA, after: black, reason: 'she said so', ...byApi },
      { event: 'UPDATE', version: 3, before: black, after: black, reason: null, ...byApi },
      { event: 'DELETE', version: 3, before: black, after: null, reason: 'enough of tea', ...byApi },
      { event: 'RESTORE', version: 4, before: null, after: TEA, reason: 'version 1 restored', ...byApi },
    ]
    expect(await engine.history(ADA, id)).toEqual(
      rows.map((row, i) => ({ ...row, at: at[i], memory_id: id, model: null, prompt_version: null })),
    )
  })

  it('names the model, the prompt version and the turn of an extraction', async () => {
    const { learn, engine, known } = openEngine({ facts: FACTS })
    await learn(1, 'I live in Leeds.')
    const { id } = await known('Ada lives in Leeds.')
    const { turnId } = await learn(2, 'I moved to Porto.')
    const [, row] = await engine.history(ADA, id)
    expect(row).toMatchObject({
      event: 'UPDATE',
      before: 'Ada lives in Leeds.',
      after: 'Ada lives in Porto.',
      actor: 'extraction',
      turn_id: turnId,
      turn: 2,
      model: 'in-process',
      prompt_version: expect.stringMatching(/^extract-/),
      reason: 'as told',
    })
  })

  it('has no row for a change without effect', async () => {
    const { say, learn, engine } = openEngine({ facts: FACTS })
    const { events } = await say(1, TEA)
    const id = events[0]?.id as string
    await say(2, TEA)
    await say(1, TEA)
    const { memory } = await engine.revise(ADA, id, { metadata: { a: 1, b: 2 } }, null)
    for (const same of [{ text: TEA }, { metadata: { b: 2, a: 1 } }, { expires_at: null, topic: null }])
      expect(await engine.revise(ADA, id, same, 'again')).toEqual({ memory, changed: false, degraded: [] })
    await learn(3, 'I live in Leeds.')
    await learn(4, 'In Leeds, yes.')
    expect((await engine.history(ADA, id)).map(({ event }) => event)).toEqual(['ADD', 'UPDATE'])
  })

  it('keeps separate rows for a memory that one turn added and ended repeatedly', async () => {
    const { learn, say, engine, known } = openEngine({
      facts: { green: [{ text: TEA, topic: 'preferences' }] },
    })
    await learn(1, TEA)
    const { id } = await known(TEA)
    // The extraction is undone and the text added again in one commit.
    await say(1, TEA)
    expect((await engine.history(ADA, id)).map(({ event, version }) => `${event} ${version}`)).toEqual([
      'ADD 1',
      'DELETE 1',
      'RESTORE 2',
    ])
    expect((await known(TEA)).version).toBe(2)
    await engine.remove(ADA, id)
    expect(await engine.history(ADA, id)).toHaveLength(4)
    expect((await engine.restore(ADA, id, undefined, null)).memory.version).toBe(3)
  })

  it('is not found for other users or unknown memories', async () => {
    const { say, engine } = openEngine()
    const { events } = await say(1, TEA)
    const id = events[0]?.id as string
    for (const scope of [
      { ...ADA, userId: 'bob' },
      { ...ADA, namespace: 'n' },
    ]) {
      await expect(engine.history(scope, id)).rejects.toMatchObject({ code: 'not_found' })
      await expect(engine.restore(scope, id, 1, null)).rejects.toMatchObject({ code: 'not_found' })
      await expect(engine.revise(scope, id, { text: 'x' }, null)).rejects.toMatchObject({ code: 'not_found' })
    }
    for (const other of ['nothing', `${id}@1`])
      await expect(engine.history(ADA, other)).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('restore', () => {
  it('makes a new version with all fields of the version before the newest', async () => {
    const { say, engine, clock, textsAt } = openEngine()
    const { events } = await say(1, TEA, { metadata: { channel: 'web' } })
    const id = events[0]?.id as string
    const first = await engine.get(ADA, id)
    clock.advance(1000)
    const fields = { topic: 'food', sub_topic: 'tea', importance: 5, event_date: '2026', expires_at: 9e14 }
    await engine.revise(ADA, id, { text: 'Ada likes black tea.', metadata: { n: 1 }, ...fields }, null)
    const between = clock.now()
    clock.advance(1000)
    const { memory: restored } = await engine.restore(ADA, id, undefined, null)
    expect(restored).toEqual({
      ...first,
      version: 3,
      valid_from: clock.now(),
      updated_at: clock.now(),
    })
    expect(JSON.parse(JSON.stringify(restored))).toEqual(await engine.get(ADA, id))
    expect(await textsAt(between)).toEqual(['Ada likes black tea.'])
    // A second restore swaps the versions again.
    expect((await engine.restore(ADA, id, undefined, null)).memory).toMatchObject({ version: 4, ...fields })
  })

  it('restores a deleted memory with the text and vector of the named version', async () => {
    const { say, engine, recall, texts } = openEngine()
    const { events } = await say(1, TEA)
    const id = events[0]?.id as string
    await engine.revise(ADA, id, { text: KYOTO, topic: 'home' }, null)
    await engine.remove(ADA, id)
    expect((await engine.restore(ADA, id, undefined, null)).memory).toMatchObject({
      text: KYOTO,
      version: 3,
      topic: 'home',
    })
    await engine.remove(ADA, id)
    expect((await engine.restore(ADA, id, 1, null)).memory).toMatchObject({
      text: TEA,
      version: 4,
      topic: null,
    })
    await engine.remove(ADA, id)
    await engine.restore(ADA, id, undefined, null)
    expect(await texts()).toEqual([TEA])
    const { found } = await recall.search(ADA, { query: 'green tea', topK: 5, explain: true })
    expect(found[0]?.memory.text).toBe(TEA)
    expect((await engine.history(ADA, id)).map(({ event, version }) => `${event} ${version}`)).toEqual([
      'ADD 1',
      'UPDATE 2',
      'DELETE 2',
      'RESTORE 3',
      'DELETE 3',
      'RESTORE 4',
      'DELETE 4',
      'RESTORE 5',
    ])
  })

  it('rejects an unknown version and names the existing ones', async () => {
    const { say, engine } = openEngine()
    const { events } = await say(1, TEA)
    const id = events[0]?.id as string
    const refusal = (version: number | undefined) =>
      engine.restore(ADA, id, version, null).then(
        () => 'restored',
        (error: Error & { code: string }) => `${error.code}: ${error.message}`,
      )
    const none = 'conflict: version: this memory has no earlier version to restore'
    expect([await refusal(undefined), await refusal(1), await refusal(7)]).toEqual([none, none, none])
    await engine.revise(ADA, id, { text: KYOTO }, null)
    const asked = 'invalid_request: version: expected an earlier version of this memory, from 1 to'
    expect([await refusal(2), await refusal(7)]).toEqual([`${asked} 1, got 2`, `${asked} 1, got 7`])
    await engine.remove(ADA, id)
    expect(await refusal(3)).toBe(`${asked} 2, got 3`)
    expect(await refusal(2)).toBe('restored')
  })

  it('survives a repost of the turn, with the same text or another', async () => {
    const { say, engine, texts } = openEngine()
    const { events } = await say(1, TEA)
    await engine.remove(ADA, events[0]?.id as string)
    await engine.restore(ADA, events[0]?.id as string, undefined, null)
    await say(1, TEA)
    await say(1, KYOTO)
    expect(await texts()).toEqual([TEA, KYOTO].sort())
  })
})
