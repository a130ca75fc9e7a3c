import { execFile } from 'node:child_process'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { SHIPPED_TALKS } from '../../../bench/dialogues/read.ts'
import { COMPILE_CACHE } from '../../helpers/compile-cache.ts'
import { startScriptedOpenAi } from '../../helpers/scripted-openai/server.ts'
import { tempDir } from '../../helpers/temp-dir.ts'

const RUN = fileURLToPath(new URL('../../../bench/run.ts', import.meta.url))

/** Runs a benchmark as npm does; returns what it prints. Rejects unless its exit code is 0. */
async function bench(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const options = { env: { ...COMPILE_CACHE, PATH: process.env['PATH'] ?? '', ...env } }
  const { stdout } = await promisify(execFile)(process.execPath, [RUN, ...args], options)
  return stdout
}

const ONE = ['--dialogues', '1']
/** Each starts a process, which takes long on a busy machine. */
const SLOW = { timeout: 300_000 }

it('frontier prints the commit, the settings and both tables', SLOW, async () => {
  const slice = ['--orders', 'topic', '--windows', '10', '--strategies', 'cached']
  const printed = await bench(['frontier', ...ONE, ...slice])
  expect(printed).toMatch(/^commit: /m)
  expect(printed).toMatch(/^settings: .*windows=10/m)
  expect(printed).toMatch(/^\| _N_ = 10 /m)
  expect(printed).toMatch(/^\| `cached` +\| +10 \|/m)
})

it('answers estimates the cost, asks the configured model, and reports', SLOW, async () => {
  await using server = await startScriptedOpenAi({ fallback: { answer: 'CORRECT' } })
  const env = { OPENAI_BASE_URL: server.url, LLM_MODEL: 'scripted', PRICES: 'scripted=1/2' }
  const slice = ['--questions', '1', '--systems', 'bm25,mem0', '--judge-runs', '1']
  const printed = await bench(['answers', ...ONE, ...slice, '--out', join(tempDir(), 'a.jsonl')], env)
  expect(printed).toMatch(/^estimate: [\d,]+ tokens in, \d+ out, cost 0\.\d+$/m)
  expect(printed).toMatch(/^\| plain BM25 +\| +1 \|/m)
  expect(printed).toMatch(/^\| mem0ai \d[^|]+\| +1 \|/m)
  expect(server.requests).toHaveLength(4)
})

it('talks compares the lexical ranking with BM25', SLOW, async () => {
  const data = tempDir()
  cpSync(join(SHIPPED_TALKS, 'en-1.json'), join(data, 'en-1.json'))
  const printed = await bench(['talks', '--data', data, '--variants', 'lexical,bm25'])
  expect(printed).toMatch(/^1 talks, 26 questions$/m)
  expect(printed).toMatch(/^\| Hippocache, lexical +\|/m)
})

it('extraction runs with its scripted model', SLOW, async () => {
  const printed = await bench(['extraction', ...ONE, '--turns', '4'])
  expect(printed).toMatch(/^model: scripted$/m)
  expect(printed).toMatch(/^\| all +\| +4 \|/m)
})
