import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const run = promisify(execFile)
const DEMO = fileURLToPath(new URL('../../bench/demo.ts', import.meta.url))
const LOCOMO = process.env['LOCOMO_FILE']

/** Evidence recall of the row `all`, by depth, and the calls of each tool. */
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
  it('plays the shipped conversations through plugin and sidecar and finds what was said, in three languages', async () => {
    const result = await demo()
    expect(result).toMatchObject({ n: 22, added: 23, asked: 22 })
    expect(result.at5).toBeGreaterThanOrEqual(0.9)
  }, 60_000)

  it('names the conversations of a file when the one asked for is not there', async () => {
    await expect(demo('--conversation', 'klingon')).rejects.toThrow(
      '--conversation: expected one of english, japanese, chinese, got klingon',
    )
  })

  it.skipIf(!LOCOMO)(
    'plays a whole LoCoMo conversation (needs LOCOMO_FILE)',
    async () => {
      const result = await demo('--data', LOCOMO as string, '--conversation', 'conv-26')
      expect(result).toMatchObject({ n: 150, added: 214, asked: 150 })
      expect(result.at10).toBeGreaterThanOrEqual(0.74)
    },
    120_000,
  )
})
