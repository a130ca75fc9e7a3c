import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { tempDir } from '../helpers/temp-dir.ts'
import { copyOf, get, list, run, sidecarFor } from './helpers.ts'

describe('npm run export', () => {
  it('and import into an empty sidecar give back lists, history and what held before', async () => {
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
    for (const said of [/as hippocache: \d+ restored\.\n/, /as hippocache: \d+ there before\.\n/]) {
      expect(await run('import', ['--from', file, '--url', other.url])).toMatchObject({
        code: 0,
        out: expect.stringMatching(said),
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
    const body = (text: string) => text.slice(text.indexOf('\n'))
    expect(body(again.out)).toBe(body(readFileSync(file, 'utf8')))
  }, 30_000)

  it('leaves no file behind that is not whole', async () => {
    const file = join(tempDir(), 'ada.jsonl')
    const { code, err } = await run('export', ['--user', 'ada', '--to', file, '--url', 'http://127.0.0.1:1'])
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('No sidecar answers') })
    expect(existsSync(file) || existsSync(`${file}.part`)).toBe(false)
  })
})
