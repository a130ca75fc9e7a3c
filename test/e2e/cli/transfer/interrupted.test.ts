import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { run, sidecarFor, start } from '../../../helpers/cli/transfer/helpers.ts'
import { tempDir } from '../../../helpers/temp-dir.ts'

describe('an interrupted import', () => {
  const COUNT = 250

  function manyTurns(): string {
    const path = join(tempDir(), 'many.jsonl')
    const lines = Array.from({ length: COUNT }, (_, i) => {
      const conversation_id = `c${i % 7}`
      return JSON.stringify({
        role: 'user',
        content: `Ada owns the map number ${i}.`,
        user_id: 'ada',
        conversation_id,
        at: 1_767_607_200 + i,
      })
    })
    writeFileSync(path, `${lines.join('\n')}\n`)
    return path
  }

  async function waitForCheckpoint(state: string, { child, err }: ReturnType<typeof start>): Promise<number> {
    for (;;) {
      if (existsSync(state)) return JSON.parse(readFileSync(state, 'utf8')).done as number
      if (child.exitCode !== null) throw new Error(`the import ended before it was interrupted: ${err()}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  /** Every memory by id, with its sources. */
  async function stored(url: string): Promise<[id: string, source: unknown][]> {
    const lines = (await (await fetch(`${url}/v1/export?user_id=ada`)).text()).trimEnd().split('\n')
    return lines
      .map((line) => JSON.parse(line))
      .filter(({ kind }) => kind === 'memory')
      .map(({ memory }): [string, unknown] => [memory.id, memory.sources])
      .sort(([a], [b]) => (a < b ? -1 : 1))
  }

  const count = async (url: string) => (await stored(url)).length

  it.each(['SIGKILL', 'SIGINT'] as const)(
    'by %s continues after its last checkpoint with the same result',
    async (signal) => {
      const { url } = await sidecarFor()
      const path = manyTurns()
      const args = ['--from', path, '--url', url]
      const first = start('import', args)
      const done = await waitForCheckpoint(`${path}.import-state.json`, first)
      first.child.kill(signal)
      const ended = await first.ended
      if (signal === 'SIGINT')
        expect(ended).toMatchObject({
          code: 130,
          out: expect.stringContaining('run the command again to continue'),
        })
      else expect(ended.signal).toBe('SIGKILL')
      expect(await count(url)).toBeGreaterThanOrEqual(done)
      expect(await count(url)).toBeLessThan(COUNT)

      const second = await run('import', args)
      expect(second).toMatchObject({ code: 0, err: expect.stringMatching(/Continuing after \d+ entries/) })
      expect(await count(url)).toBe(COUNT)
      const other = await sidecarFor()
      await run('import', ['--from', path, '--url', other.url])
      expect(await stored(url)).toEqual(await stored(other.url))
    },
    300_000,
  )
})
