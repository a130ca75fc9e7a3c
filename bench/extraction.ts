/*
 * npm run bench -- extraction [--data bench/talks/data] [--dialogues 0] [--turns 0] [--minutes 60]
 *
 * What the sidecar learns from labelled conversations with the model of OPENAI_BASE_URL, OPENAI_API_KEY and LLM_MODEL,
 * or, without LLM_MODEL, with a scripted one that repeats each user message as a fact. `--turns` limits the turns of each
 * conversation; turns whose extraction takes longer than `--minutes` are reported as pending.
 */
import { readDialogues, SHIPPED_TALKS } from './dialogues/read.ts'
import { type Extracted, measureExtraction } from './extraction/measure.ts'
import { formatExtraction } from './extraction/report.ts'
import { startScriptedModel } from './extraction/scripted.ts'
import { readOptions } from './lib/options.ts'
import { progress } from './lib/progress.ts'
import { startSidecar } from './lib/sidecar-process.ts'

const options = readOptions({ data: SHIPPED_TALKS, dialogues: 0, turns: 0, minutes: 60 })
const dialogues = readDialogues(options.data, options.dialogues).map((dialogue) => ({
  ...dialogue,
  turns: dialogue.turns.slice(0, options.turns || dialogue.turns.length),
}))
await using stack = new AsyncDisposableStack()
const sidecar = stack.use(await startSidecar(await modelSettings()))
const bar = progress('conversations', dialogues.length)
const byGroup = new Map<string, Extracted>()
for (const dialogue of dialogues) {
  const measured = await measureExtraction(
    (path, init) => fetch(`${sidecar.url}${path}`, init),
    dialogue,
    options.minutes * 60_000,
  )
  byGroup.set(`${dialogue.group}, ${dialogue.id}`, measured)
  bar.tick()
}
console.log(formatExtraction(byGroup))
const lost = [...byGroup.values()].reduce((sum, one) => sum + one.lost, 0)
if (lost > 0) throw new Error(`lost: expected 0 turns, got ${lost}`)

async function modelSettings(): Promise<Record<string, string>> {
  const names = ['OPENAI_BASE_URL', 'OPENAI_API_KEY', 'LLM_MODEL', 'LLM_TIMEOUT_MS', 'LLM_RETRIES']
  const given = Object.fromEntries(
    names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
  )
  if (given['LLM_MODEL']) {
    console.log(`model: ${given['LLM_MODEL']}\n`)
    return given
  }
  const scripted = stack.use(await startScriptedModel(dialogues))
  console.log('model: scripted\n')
  return { OPENAI_BASE_URL: scripted.url, OPENAI_API_KEY: 'unused', LLM_MODEL: 'scripted' }
}
