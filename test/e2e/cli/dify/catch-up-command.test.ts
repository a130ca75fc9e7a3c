import { describe, expect, it } from 'vitest'
import { createDify } from '../../../../sidecar/cli/dify/client.ts'
import { APP_KEY, startFakeDify } from '../../../helpers/cli/dify/fake-dify.ts'
import { run } from '../../../helpers/cli/transfer/helpers.ts'
import { startSidecar } from '../../../helpers/sidecar-process.ts'
import { tempDir } from '../../../helpers/temp-dir.ts'

describe('npm run catch-up', () => {
  it('adds only the missing turns, once, with their numbers and times', async () => {
    const dify = await startFakeDify()
    const one = dify.add('c1', 'ada', Array(130).fill(null))
    dify.add('web', 'ada', [null, null], { isListed: false })
    dify.add('c3', 'bob', [null])
    const { url, call } = await startSidecar({ DATA_DIR: tempDir() })
    const add = (conversation_id: string, turn: number, words: string[]) =>
      call('POST', '/v1/memories', {
        ...{ user_id: 'ada', conversation_id, turn },
        messages: words.map((content, i) => ({ role: i === 0 ? 'user' : 'assistant', content })),
      })
    await add('c1', 2, ['my own words'])
    // The number that sys.dialogue_count gave to the 4th message.
    await add('c1', 300, ['question 4', 'answer to question 4'])
    await add('web', 1, ['question 1', 'answer to question 1'])
    // A stopped run, and an answer that was generated again.
    Object.assign(one.messages[4] as object, { answer: '' })
    const [, , , , , sixth, seventh, eighth] = one.messages as [...typeof one.messages]
    if (sixth && seventh && eighth) {
      seventh.parent = sixth.id
      eighth.parent = sixth.id
    }

    const catchUp = (...more: string[]) =>
      run('catch-up', ['--dify', dify.url, '--app-key', APP_KEY, '--url', url, ...more])
    const dry = await catchUp('--dry-run', '--user', 'ada')
    expect([dry.code, dry.out]).toEqual([
      0,
      'Dry run. Users: 1, conversations: 2; turns to add: 128, already present: 3.\n',
    ])
    const turnsOf = async (id: string) => {
      const path = `/v1/conversations/${id}/timeline?user_id=ada&limit=200`
      return (await call('GET', path)).body.turns as { turn: number; messages: { content: string }[] }[]
    }
    expect(await turnsOf('c1')).toHaveLength(2)
    // Without --user: ada is known to the sidecar, bob is not.
    const first = await catchUp()
    expect([first.code, first.out]).toEqual([
      0,
      'Done. Users: 1, conversations: 2; turns added: 128, already present: 3.\n',
    ])
    expect(first.out + first.err).not.toContain(APP_KEY)
    const again = await catchUp()
    expect(again.out).toBe('Done. Users: 1, conversations: 2; turns added: 0, already present: 131.\n')
    expect((await turnsOf('web')).map(({ turn }) => turn)).toEqual([2, 1])
    const c1 = new Map((await turnsOf('c1')).map(({ turn, messages }) => [turn, messages]))
    expect(c1.get(129)).toEqual([
      { role: 'user', content: 'question 130' },
      { role: 'assistant', content: 'answer to question 130' },
    ])
    const bob = await catchUp('--user', 'bob', '--conversation', 'c3', '--app', 'app-1')
    expect(bob.out).toBe('Done. Users: 1, conversations: 1; turns added: 1, already present: 0.\n')
    const { body } = await call('GET', '/v1/memories?user_id=bob')
    expect(JSON.stringify(body)).toContain('2025-')
  })

  it('refuses --conversation without its user', async () => {
    const { code, err } = await run('catch-up', ['--conversation', 'c1'])
    expect([code, err]).toEqual([1, '--user: expected the one user of the conversations of --conversation\n'])
  })
})

it('pages of messages lose none that share a second with the border of a page', async () => {
  const dify = await startFakeDify()
  const { messages } = dify.add('c1', 'ada', Array(230).fill(null))
  for (const [i, message] of messages.entries()) message.createdAt = 1_760_000_000 + Math.floor(i / 3)
  const client = createDify({ url: dify.url, key: APP_KEY })
  const pages = await Array.fromAsync(client.messagesOf('ada', 'c1'))
  expect(
    pages
      .reverse()
      .flat()
      .map(({ id }) => id),
  ).toEqual(messages.map(({ id }) => id))
})
