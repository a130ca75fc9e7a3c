import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { copyOf, get, list, run, sidecarFor } from '../../../helpers/cli/transfer/helpers.ts'
import { type FactTable, memoryModel } from '../../../helpers/memory-model.ts'
import { startScriptedOpenAi } from '../../../helpers/scripted-openai/server.ts'
import { tempDir } from '../../../helpers/temp-dir.ts'

/** The export without its header, which contains the time. */
const bodyOf = (text: string) => text.slice(text.indexOf('\n'))

describe('npm run export', () => {
  it('and import restore memories, history and past versions in an empty sidecar', async () => {
    const one = await sidecarFor()
    await run('import', ['--from', copyOf('messages.jsonl'), '--url', one.url])
    await run('import', ['--from', copyOf('mem0.json'), '--url', one.url])
    const [first, second] = await list(one.url, 'ada')
    const json = { 'content-type': 'application/json' }
    const correction = JSON.stringify({ user_id: 'ada', memory: 'Ada lives in Faro.' })
    await get(`${one.url}/v1/memories/${first?.id}`, { method: 'PATCH', body: correction, headers: json })
    await get(`${one.url}/v1/memories/${second?.id}?user_id=ada`, { method: 'DELETE' })

    const file = join(tempDir(), 'ada.jsonl')
    expect(await run('export', ['--user', 'ada', '--to', file, '--url', one.url])).toMatchObject({
      code: 0,
      out: '',
    })
    const other = await sidecarFor()
    for (const expected of [/as hippocache: \d+ restored\.\n/, /as hippocache: \d+ already present\.\n/]) {
      expect(await run('import', ['--from', file, '--url', other.url])).toMatchObject({
        code: 0,
        out: expect.stringMatching(expected),
      })
    }
    const answers = async (url: string) => ({
      now: await list(url, 'ada'),
      before: await list(url, 'ada', '&as_of=2026-02-01T00:00:00Z'),
      history: await get(`${url}/v1/memories/${first?.id}/history?user_id=ada`),
      deleted: await get(`${url}/v1/memories/${second?.id}/history?user_id=ada`),
      found: (
        await get(`${url}/v1/memories/search`, {
          method: 'POST',
          headers: json,
          body: JSON.stringify({ user_id: 'ada', query: 'Where does Ada live?' }),
        })
      ).memories,
    })
    expect(await answers(other.url)).toEqual(await answers(one.url))

    const again = await run('export', ['--user', 'ada', '--url', other.url])
    expect(bodyOf(again.out)).toBe(bodyOf(readFileSync(file, 'utf8')))
  }, 120_000)

  it('includes extracted memories and their past versions', async () => {
    const fact = (text: string, replaces?: string) => [
      { text, topic: 'basic_info', sub_topic: 'home', ...(replaces ? { replaces } : {}) },
    ]
    const table: FactTable = {
      'I live in Leeds': fact('Ada lives in Leeds.'),
      'moved to Porto': fact('Ada lives in Porto.', 'Ada lives in Leeds.'),
    }
    const model = await startScriptedOpenAi({ rules: [{ answer: memoryModel(table) }] })
    onTestFinished(() => model[Symbol.asyncDispose]())
    const one = await sidecarFor({ OPENAI_BASE_URL: model.url, LLM_MODEL: 'scripted', LOG_LEVEL: 'silent' })
    const learned = ['--from', copyOf('messages.jsonl'), '--url', one.url, '--mode', 'sync']
    await run('import', learned)
    const asked = model.requests.length
    await run('import', learned)
    // The second import sends no turn to the model.
    expect(model.requests).toHaveLength(asked)

    const file = join(tempDir(), 'ada.jsonl')
    await run('export', ['--user', 'ada', '--to', file, '--url', one.url])
    const other = await sidecarFor()
    await run('import', ['--from', file, '--url', other.url])
    for (const [query, home] of [
      ['', 'Ada lives in Porto.'],
      ['&as_of=2026-02-01T00:00:00Z', 'Ada lives in Leeds.'],
    ] as const) {
      const memories = await list(other.url, 'ada', query)
      expect(memories).toEqual(await list(one.url, 'ada', query))
      expect(memories).toMatchObject([{ memory: home, kind: 'extracted' }])
    }
    const written = readFileSync(file, 'utf8')
    expect(written).toContain('"summary":"Ada lives in Porto."')
    const again = await run('export', ['--user', 'ada', '--url', other.url])
    expect(bodyOf(again.out)).toBe(bodyOf(written))
  }, 120_000)

  it('leaves no file when the export fails', async () => {
    const file = join(tempDir(), 'ada.jsonl')
    const { code, err } = await run('export', ['--user', 'ada', '--to', file, '--url', 'http://127.0.0.1:1'])
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('No sidecar answers') })
    expect(existsSync(file) || existsSync(`${file}.part`)).toBe(false)
  })
})
