import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type SidecarProcess, startSidecar } from '../../../bench/lib/sidecar-process.ts'
import { EXPERIMENT } from '../../../examples/source/apps/experiment.ts'
import { examples } from '../../../examples/source/index.ts'
import { type Chatflow, parseChatflow } from '../../helpers/examples/dsl.ts'
import { type PastTurn, type Run, runFlow, type ToolOutcome } from '../../helpers/examples/run-flow.ts'
import { invokeTool } from '../../helpers/plugin-sdk/fake-daemon/requests.ts'
import { nodeOutput } from '../../helpers/plugin-sdk/fake-daemon/tool-output.ts'
import { json, type StubSidecar, startStub } from '../../helpers/tools/stub-sidecar.ts'
import { type StdioDaemon, startStdioDaemon } from '../plugin-sdk/fake-daemon/stdio-daemon.ts'

/** The example apps over the real plugin process and a real sidecar. */

const KEY = 'a-key-of-this-test-0123456789'
/** Small, so that facts leave the window in a short conversation. */
const WINDOW = 5
const FOUND = 'found by the search'

let sidecar: SidecarProcess
let plugin: StdioDaemon
let search: StubSidecar
beforeAll(async () => {
  const main = fileURLToPath(new URL('../../../main.ts', import.meta.url))
  ;[sidecar, plugin, search] = await Promise.all([
    startSidecar({ API_KEYS: `main:${KEY}` }),
    startStdioDaemon([main]),
    startStub(json(200, { result: FOUND })),
  ])
  const arms = ['per_query', 'cached_delta'].map((strategy) => ({ name: strategy, strategy }))
  await ask('POST', '/v1/experiments', { name: EXPERIMENT, arms })
})
afterAll(async () => {
  await sidecar?.[Symbol.asyncDispose]()
  await plugin?.[Symbol.asyncDispose]()
  await search?.[Symbol.asyncDispose]()
})

async function ask(method: string, path: string, body?: object): Promise<unknown> {
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }
  const response = await fetch(sidecar.url + path, {
    method,
    headers,
    ...(body && { body: JSON.stringify(body) }),
  })
  expect(response.ok, `${method} ${path}`).toBe(true)
  return response.json()
}

async function callTool(
  tool: string,
  parameters: Record<string, unknown>,
  { conversation_id }: { conversation_id: string },
): Promise<ToolOutcome> {
  const credentials = { sidecar_url: sidecar.url, api_key: KEY }
  const request = invokeTool(tool, parameters, { provider: 'hippocache', credentials })
  const result = await plugin.invoke({ ...request, conversation_id })
  expect(result.error).toBeNull()
  return nodeOutput(result)
}

/** A fact per turn, each with the question that asks for it. */
const FACTS = [
  ['My sister Grace is a pilot.', 'What does Grace do?'],
  ['I live in Kyoto near the river.', 'Where is my home in Kyoto?'],
  ['My dog is called Biscuit.', 'What is the name of my dog?'],
  ['I am allergic to peanuts.', 'What is my allergy to peanuts?'],
  ['I play the cello in an orchestra.', 'Which instrument do I play, the cello?'],
  ['My car is a green Volvo.', 'Which colour has my Volvo?'],
  ['I was born in Lisbon in 1984.', 'When was I born in Lisbon?'],
  ['My favourite dessert is tiramisu.', 'What is my favourite dessert?'],
  ['I work as a marine biologist.', 'What does a marine biologist like me do?'],
  ['My daughter Ines collects stamps.', 'What does my daughter Ines collect?'],
  ['I broke my left ankle while skiing.', 'Which ankle did I break?'],
] as const
const fact = (turn: number) => FACTS[turn - 1]?.[0] ?? ''
const questionAbout = (turn: number) => FACTS[turn - 1]?.[1] ?? ''

/** From turn 6 on, each message asks for the fact that has just left the window; the last one for the first fact. */
const message = (turn: number) => {
  if (turn === 12) return questionAbout(1)
  return turn > WINDOW ? `${fact(turn)} ${questionAbout(turn - WINDOW)}` : fact(turn)
}

/** A conversation with an app, which keeps its history as Dify does. */
function converse(app: Chatflow, user_id: string, conversation_id: string) {
  const history: PastTurn[] = []
  return async (query: string, model = () => `Answer ${history.length + 1}.`): Promise<Run> => {
    const turn = { query, user_id, conversation_id, dialogue_count: history.length + 1 }
    const environment = {
      hippocache_url: sidecar.url,
      hippocache_key: KEY,
      search_url: `${search.url}/search`,
    }
    const run = await runFlow(app, turn, { callTool, model, history, environment })
    history.push({ query, answer: run.answer })
    return run
  }
}

const occurrences = (text: string, part: string) => text.split(part).length - 1
const chatflows = examples(WINDOW).flatMap(({ file, app }) =>
  file === 'agent.yml' ? [] : [{ file, app: parseChatflow(app) }],
)

describe.each(chatflows)('$file, for twelve turns with a window of 5', ({ file, app }) => {
  const user = `ada-${file}`
  const say = converse(app, user, `c1-${file}`)
  const runs: Run[] = []

  it('shows the model each fact in the window or in the memory', async () => {
    for (let turn = 1; turn <= 12; turn++) {
      const run = await say(message(turn))
      runs.push(run)
      const where = `turn ${turn}: ${JSON.stringify(run.messages)}`
      expect(run.answer, where).toBe(`Answer ${turn}.`)
      expect(run.messages, where).toHaveLength(2 + 2 * Math.min(turn - 1, WINDOW - 1))
      const memory = run.prompt + run.question
      if (turn > WINDOW && turn < 12) expect(memory, where).toContain(fact(turn - WINDOW))
    }
    const { prompt, question } = runs[11] as Run
    expect(prompt + question).toContain(fact(1))
  })

  it('shows no fact twice, and no message of the turn itself as memory', () => {
    for (const [index, { prompt, question }] of runs.entries()) {
      for (const [text] of FACTS)
        expect(occurrences(prompt + question, text), `${text} at turn ${index + 1}`).toBeLessThan(2)
      expect(question.endsWith(message(index + 1))).toBe(true)
    }
  })

  it('leaves no blank lines where there is no memory, and one between delta and query', () => {
    const [first] = runs as [Run]
    expect(first.question).toBe(message(1))
    for (const { prompt, question } of runs) {
      expect(`${prompt}|${question}`).not.toMatch(/\n[ \t]*\n[ \t]*\n/)
      expect(prompt).not.toMatch(/\n[ \t]*\n$/)
      expect(question).toMatch(/^(<memories>[\s\S]*<\/memories>\n\n)?[^\n<]+$/)
    }
  })

  it('stores each turn once, and every node succeeds', async () => {
    const listed = z
      .object({ memories: z.array(z.looseObject({ memory: z.string(), turn: z.number().nullish() })) })
      .parse(await ask('GET', `/v1/memories?user_id=${user}&limit=100`))
    const texts = listed.memories.map(({ memory }) => memory)
    expect(new Set(texts).size).toBe(texts.length)
    for (const [text] of FACTS)
      expect(
        texts.filter((one) => one.includes(text)),
        text,
      ).toHaveLength(1)
    for (const { pool } of runs)
      for (const [node, { error, status }] of pool) {
        expect([node, error ?? '']).toEqual([node, ''])
        expect([node, status]).not.toEqual([node, 'error'])
      }
  })

  it('keeps the message of an answer that was stopped', async () => {
    const stop = () => {
      throw new Error('stopped')
    }
    await expect(say('My boat is called Halcyon.', stop)).rejects.toThrow('stopped')
    const { prompt, question } = await converse(app, user, `c2-${file}`)('What is the name of my boat?')
    expect(prompt + question).toContain('Halcyon')
  })
})

describe('cached.yml and cached-node.yml', () => {
  it.each([
    // At the first turn there is nothing to cache yet.
    ['cached.yml', [2, 7, 12]],
    ['cached-node.yml', [1, 6, 11]],
  ])('%s searches once in a window', async (file, expected) => {
    const found = chatflows.find((one) => one.file === file)
    if (!found) throw new Error(`${file}: expected an example`)
    const say = converse(found.app, `eve-${file}`, `c-${file}`)
    const fresh: number[] = []
    for (let turn = 1; turn <= 12; turn++) {
      // Every question matches the first message, so that what is found does not depend on which node is faster.
      const { pool } = await say(turn === 1 ? fact(1) : questionAbout(1))
      if (file === 'cached.yml' ? pool.has('cache_set') : pool.get('retrieve')?.['cache'] === 'miss')
        fresh.push(turn)
    }
    expect(fresh).toEqual(expected)
  })
})

describe('experiment.yml', () => {
  it('records a thumb as the outcome of the arm', async () => {
    const found = chatflows.find(({ file }) => file === 'experiment.yml')
    if (!found) throw new Error('experiment.yml: expected an example')
    const say = converse(found.app, 'voter', 'c-voter')
    const { pool } = await say('I like jazz.')
    const arm = pool.get('retrieve')?.['arm']
    expect(arm).toMatch(/^(per_query|cached_delta)$/)
    const rated = await say('👍')
    expect(rated.pool.get('record_like')).toMatchObject({ status: 'recorded', arm })
    expect(rated).toMatchObject({
      answer: 'Thank you. This helps to choose the better memory.',
      messages: [],
    })
    expect((await say('👎')).ran).toContain('record_dislike')
  })
})

describe('known-or-search.yml', () => {
  it('searches only what no memory answers', async () => {
    const found = chatflows.find(({ file }) => file === 'known-or-search.yml')
    if (!found) throw new Error('known-or-search.yml: expected an example')
    const say = converse(found.app, 'seeker', 'c-seeker')
    search.calls.length = 0
    expect((await say('My piano is a Steinway. "Is it old?"')).prompt).toContain(FOUND)
    expect(search.calls[0]?.query).toMatchObject({ srsearch: 'My piano is a Steinway. "Is it old?"' })
    const known = await converse(found.app, 'seeker', 'c-other')('Which piano do I have?')
    expect(known.prompt).toContain('Steinway')
    expect(known.prompt).not.toContain(FOUND)
  })
})

describe('http-only.yml', () => {
  it('stores quotation marks, backslashes and line breaks as they are', async () => {
    const found = chatflows.find(({ file }) => file === 'http-only.yml')
    if (!found) throw new Error('http-only.yml: expected an example')
    await converse(found.app, 'quoter', 'c-1')('My motto is "festina\\lente".\nIt is Latin.')
    const { prompt, question } = await converse(found.app, 'quoter', 'c-2')('What is my motto?')
    expect(prompt + question).toContain('"festina\\lente"')
  })
})
