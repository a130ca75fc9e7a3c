import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readDify, threadOf } from '../../../../sidecar/cli/transfer/readers/dify.ts'
import { file, fixture, readAll, turns } from '../../../helpers/cli/transfer/helpers.ts'

describe('readDify', () => {
  it('numbers the turns of pages like sys.dialogue_count and skips regenerated answers', async () => {
    const entries = await readAll(readDify, fixture('dify-pages.json'))
    expect(turns(entries.filter(({ kind }) => kind === 'turn'))).toEqual([
      [null, 'd1', 1, ['I live in Leeds.', 'Leeds is noted.']],
      [null, 'd1', 2, ['I have a cat called Biscuit.']],
      [null, 'd1', 3, ['I started as a potter today.', 'Congratulations on the pottery.']],
    ])
  })

  it('reports the lines that it leaves out', async () => {
    const said = (id: string, query: string, parent: string | null, created_at: number) =>
      JSON.stringify({ id, conversation_id: 'd', query, answer: '', parent_message_id: parent, created_at })
    const first = said('m1', 'I live in Leeds.', null, 1)
    const lines = [first, said('m2', 'I row.', 'm1', 2), said('m3', 'I sail.', 'm1', 3), first, '{"id":"m4"}']
    const entries = await readAll(readDify, file('d.jsonl', lines.join('\n')))
    expect(entries.filter(({ kind }) => kind !== 'turn')).toEqual([
      { kind: 'omission', line: 1, reason: 'the message occurs again on line 4' },
      { kind: 'problem', line: 5, reason: 'expected query or answer, got neither' },
      { kind: 'omission', line: 2, reason: 'an answer that was generated again' },
    ])
    expect(turns(entries.filter(({ kind }) => kind === 'turn'))).toEqual([
      [null, 'd', 1, ['I live in Leeds.']],
      [null, 'd', 2, ['I sail.']],
    ])
  })

  it('reads annotations and feedback as turns without a conversation and with a stable key', async () => {
    const read = () => readAll(readDify, fixture('dify-annotations.csv'))
    const [first, second] = await read()
    expect(first).toMatchObject({
      line: 2,
      body: {
        messages: [
          { content: 'How do I reset it?' },
          { content: 'Hold the button for\nten seconds, then say "reset".' },
        ],
      },
    })
    expect(second).toMatchObject({ line: 4, body: { messages: [{ content: 'When are you open?' }, {}] } })
    expect(await read()).toEqual([first, second])

    const feedback = {
      feedback_id: 'f',
      app_id: 'app',
      conversation_id: 'c',
      message_id: 'm',
      user_query: 'I row.',
      ai_response: 'Good.',
      message_date: '2026-01-05 10:00:00',
      from_end_user_id: 'not sys.user_id',
    }
    const [turn] = await readAll(
      readDify,
      file('f.json', JSON.stringify({ export_info: {}, feedback_data: [feedback] }, null, 2)),
    )
    expect(turn).toMatchObject({
      userId: null,
      body: {
        app_id: 'app',
        metadata: { dify_conversation_id: 'c' },
        messages: [{ at: '2026-01-05T10:00:00.000Z' }, {}],
      },
    })
    expect(turn).not.toHaveProperty('body.conversation_id')
  })

  it('threadOf: each message of the newest thread is the parent of the next', () => {
    const tree = fc
      .array(fc.nat(), { minLength: 1, maxLength: 12 })
      .map((picks) => picks.map((pick, i) => ({ id: `m${i}`, parent: i === 0 ? 'nowhere' : `m${pick % i}` })))
    fc.assert(
      fc.property(tree, (messages) => {
        const thread = threadOf(messages)
        expect(thread.at(-1)).toBe(messages.at(-1))
        expect(thread[0]).toBe(messages[0])
        for (const [i, { parent }] of thread.entries()) if (i > 0) expect(parent).toBe(thread[i - 1]?.id)
      }),
    )
  })

  it('threadOf: keeps all messages without parents or with those of the service API', () => {
    const nil = '00000000-0000-0000-0000-000000000000'
    for (const parent of [null, nil]) {
      const messages = ['a', 'b', 'c'].map((id) => ({ id, parent }))
      expect(threadOf(messages)).toEqual(messages)
    }
    const regenerated = [
      { id: 'a', parent: null },
      { id: 'b', parent: null },
      { id: 'c', parent: 'b' },
    ]
    expect(threadOf(regenerated).map(({ id }) => id)).toEqual(['b', 'c'])
  })
})
