import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const run = promisify(execFile)
const DEMO = fileURLToPath(new URL('../../bench/demo.ts', import.meta.url))
const LOCOMO = process.env['LOCOMO_FILE']

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

  it('lists the conversations of the file if --conversation is unknown', async () => {
    await expect(demo('--conversation', 'klingon')).rejects.toThrow(
      '--conversation: expected one of english, japanese, chinese, got klingon',
    )
  })

  it.skipIf(!LOCOMO)(
    'replays a whole LoCoMo conversation with evidence recall@10 of at least 0.74 (needs LOCOMO_FILE)',
    async () => {
      const result = await demo('--data', LOCOMO as string, '--conversation', 'conv-26')
      expect(result).toMatchObject({ n: 150, added: 214, asked: 150 })
      expect(result.at10).toBeGreaterThanOrEqual(0.74)
    },
    120_000,
  )
})
