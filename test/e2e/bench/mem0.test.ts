import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { FactBook } from '../../../bench/mem0/facts.ts'
import { hippocacheAnswer } from '../../../bench/mem0/hippocache-answers.ts'
import { mem0Answer } from '../../../bench/mem0/mem0-answers.ts'
import { extract } from '../../../sidecar/learning/extraction/extract.ts'
import { reconcile } from '../../../sidecar/learning/reconcile/reconcile.ts'
import type { NewFact } from '../../../sidecar/learning/reconcile/types.ts'
import type { CompletionRequest, LanguageModel } from '../../../sidecar/ports/language-model.ts'
import type { ScriptedRequest } from '../../helpers/scripted-openai/server.ts'

const AT = Date.UTC(2023, 4, 8)
const account = { scope: 's' }

function book(): FactBook {
  const facts = new FactBook()
  facts.set({ speaker: 'Ada', text: 'I moved to Kyoto.\nAnd I got a dog!' }, [
    'Ada moved to Kyoto.',
    'Ada got a dog.',
  ])
  facts.set({ speaker: 'Ben', text: 'Nice: I love dogs.' }, ['Ben loves dogs.'], 'They talk about dogs.')
  facts.set({ speaker: 'Ada', text: 'Earlier.' }, ['Not requested.'])
  return facts
}

/** A model that answers the engine's requests with the scripted answers. */
const model: LanguageModel = {
  kind: 'script',
  async complete({ messages, tools }: CompletionRequest) {
    const contents = messages.map(({ content }) => content)
    const request = { body: { tools }, last: contents.at(-1), all: contents.join('\n') } as ScriptedRequest
    const answer = hippocacheAnswer(request, book())
    const { content = '', calls = [] } = typeof answer === 'string' ? { content: answer } : answer
    const written = calls.map((call) => ({ name: call.name, arguments: JSON.stringify(call.arguments) }))
    return { text: content, calls: written, finish: 'stop', model: 'script' }
  },
}

describe('the scripted answers to Hippocache', () => {
  it('contain the facts of the batch and need no second request', async () => {
    const outcome = await extract(
      {
        summary: '',
        recent: [{ role: 'user', name: 'Ada', content: 'Earlier.', at: AT }],
        turns: [
          {
            turnId: 't',
            turn: 1,
            messages: [
              { role: 'user', name: 'Ada', content: 'I moved to Kyoto.\nAnd I got a dog!', at: AT },
              { role: 'assistant', name: 'Ben', content: 'Nice: I love dogs.', at: AT },
            ],
          },
        ],
        rules: {
          remember: 'both',
          custom_instructions: '',
          include_topics: [],
          exclude_topics: [],
          topics: [],
        },
      },
      { model, account },
    )
    expect(outcome).toMatchObject({
      status: 'read',
      extraction: {
        facts: [{ text: 'Ada moved to Kyoto.' }, { text: 'Ada got a dog.' }, { text: 'Ben loves dogs.' }],
        summary: 'They talk about dogs.',
      },
    })
  })

  it('decide every ambiguous fact within its allowed memories', async () => {
    const fact = (text: string): NewFact => ({
      text,
      topic: 'interests',
      subTopic: 'hobbies',
      speaker: 'Ada',
      eventDate: null,
      at: AT,
      dense: Float32Array.of(1, 0),
    })
    const known = { ...fact('Ada paints: "sunsets", mostly.'), id: 'm', at: AT - 1 }
    const complete = vi.fn(model.complete)
    const decisions = await reconcile([fact('Ada plays the violin.'), fact('Ada hikes.')], {
      model: { ...model, complete },
      account,
      neighboursOf: () => [known],
    })
    expect(complete).toHaveBeenCalledTimes(1)
    expect(decisions).toMatchObject([{ decidedBy: 'model' }, { decidedBy: 'model' }])
    expect(decisions.map(({ event }) => event)).toEqual(['ADD', 'ADD'])
  })

  it('throw on messages that are not part of the benchmark', () => {
    const all = '<batch>\n[1] Ada (user), Mon 2023-05-08: Something else.\n</batch>'
    expect(() => hippocacheAnswer({ body: {}, all, last: all } as ScriptedRequest, book())).toThrow(
      'Something else',
    )
  })
})

describe('the scripted answer to mem0ai', () => {
  it('contains only the facts of the new messages, each with its role', () => {
    const last = [
      '## Last k Messages\nuser: Ada: Earlier.\n',
      '## New Messages\nuser: Ada: I moved to Kyoto.\nAnd I got a dog!\nassistant: Ben: Nice: I love dogs.',
      '## Observation Date\n2026-01-01',
    ].join('\n\n')
    expect(JSON.parse(mem0Answer({ last } as ScriptedRequest, book()))).toEqual({
      memory: [
        { id: '0', text: 'Ada moved to Kyoto.', attributed_to: 'user' },
        { id: '1', text: 'Ada got a dog.', attributed_to: 'user' },
        { id: '2', text: 'Ben loves dogs.', attributed_to: 'assistant' },
      ],
    })
  })
})

describe('only-local.ts', () => {
  it('refuses remote hosts for every kind of client and allows this machine', () => {
    const guard = fileURLToPath(new URL('../../../bench/mem0/only-local.ts', import.meta.url))
    const script = `
      import { refused } from ${JSON.stringify(guard)}
      import { createServer, get } from 'node:http'
      import { connect } from 'node:net'
      import { connect as connectTls } from 'node:tls'
      const caught = (work) => new Promise((done) => Promise.resolve().then(work).then(done, done))
      await caught(() => fetch('https://us.i.posthog.com/'))
      await caught(() => get('http://192.0.2.1/'))
      await caught(() => connect(443, 'example.com'))
      await caught(() => connectTls({ host: '192.0.2.2', port: 443 }))
      const server = createServer((_, response) => response.end('here'))
      await new Promise((done) => server.listen(0, '127.0.0.1', done))
      const here = await (await fetch('http://127.0.0.1:' + server.address().port)).text()
      console.log(JSON.stringify({ refused, here }))
      process.exit()`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
    })
    expect(JSON.parse(stdout)).toEqual({
      refused: ['us.i.posthog.com', '192.0.2.1', 'example.com', '192.0.2.2'],
      here: 'here',
    })
  })
})

describe('the better-sqlite3 shim', () => {
  it('can be required and rolls back a transaction that throws', () => {
    const Database = createRequire(import.meta.url)('../../../bench/mem0/better-sqlite3-shim.ts')
    const database = new Database(':memory:')
    database.exec('CREATE TABLE t (n INTEGER)')
    const insert = database.transaction((numbers: number[], fail: boolean) => {
      for (const n of numbers) database.prepare('INSERT INTO t VALUES (?)').run(n)
      if (fail) throw new Error('changed my mind')
    })
    insert([1, 2], false)
    expect(() => insert([3], true)).toThrow('changed my mind')
    expect(database.prepare('SELECT sum(n) AS sum FROM t').get()).toMatchObject({ sum: 3 })
    database.close()
  })
})
