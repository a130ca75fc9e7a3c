import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'

const run = promisify(execFile)
const DEMO = fileURLToPath(new URL('../../bench/demo.ts', import.meta.url))

/** Runs the demo; returns the evidence recall of the row `all` by depth, and the number of calls per tool. */
async function demo(...options: string[]) {
  const { stdout } = await run(process.execPath, [DEMO, ...options], { timeout: 120_000 })
  const cells = (name: string) => {
    const line = stdout.split('\n').find((one) => one.startsWith(`| ${name} `))
    return (line ?? '').split('|').map((cell) => Number(cell.trim()))
  }
  const [, , n, at5, at10, at20] = cells('all')
  return { n, at5, at10, at20, added: cells('add_memory')[2], asked: cells('retrieve_memory')[2] }
}

describe('npm run demo', () => {
  it('replays the shipped conversations in three languages with evidence recall@5 of at least 0.9', async () => {
    const result = await demo()
    expect(result).toMatchObject({ n: 22, added: 23, asked: 22 })
    expect(result.at5).toBeGreaterThanOrEqual(0.9)
  })

  it('fills the dashboard with --stay, and stops on Ctrl-C', { timeout: 400_000 }, async () => {
    const child = spawn(process.execPath, [DEMO, '--conversation', 'english', '--stay', '--simulated', '20'])
    onTestFinished(() => void child.kill('SIGKILL'))
    const url = await new Promise<string>((resolve, reject) => {
      let printed = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        printed += text
        const found = /Dashboard: (http:\S+)/.exec(printed)?.[1]
        if (found) resolve(found)
      })
      child.once('exit', () => reject(new Error(printed)))
    })
    // biome-ignore lint/suspicious/noExplicitAny: response body, which the test examines
    const get = async (path: string): Promise<any> => await (await fetch(new URL(path, url))).json()
    expect((await get('/v1/users')).users).toContainEqual({ user_id: 'dee' })
    expect((await get('/v1/conversations/dee-1/timeline?user_id=dee')).uncovered).toBe(false)
    const report = await get('/v1/experiments/cached-or-not/report')
    expect(report).toMatchObject({ status: 'stopped', units: 20 })
    expect(report.conclusion.sentence).not.toBe('')
    const ended = once(child, 'exit')
    child.kill('SIGINT')
    expect(await ended).toEqual([0, null])
  })

  it('lists the conversations of the file if --conversation is unknown', async () => {
    await expect(demo('--conversation', 'klingon')).rejects.toThrow(
      '--conversation: expected one of english, japanese, chinese, got klingon',
    )
  })
})
