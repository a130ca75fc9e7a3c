/*
 * npm run bench -- answers --out FILE [--data bench/talks/data] [--systems full,rag,bm25,mem0,per_query,per_query+graph,…]
 *   [--judge-runs 10] [--dialogues 0] [--questions 0] [--estimate]
 *
 * The benchmark of the Mem0 paper: a language model answers labelled questions from the context that each system gives
 * it. The model is that of a sidecar: OPENAI_BASE_URL, OPENAI_API_KEY, LLM_MODEL, and for vectors EMBEDDING_MODEL; PRICES
 * gives the cost. Results are appended to `--out`; the same command continues an interrupted run. `--estimate` prints
 * tokens and cost, and stops. `--dialogues` and `--questions` (of each) limit the run; 0: all.
 */
import { openEmbedder, openLanguageModel } from '../sidecar/app/backends.ts'
import { readConfig } from '../sidecar/app/config.ts'
import { CostMeter } from './answers/cost.ts'
import { formatReport } from './answers/report.ts'
import { ResultFile } from './answers/result-file.ts'
import { answerAll, countMissing, estimate } from './answers/run.ts'
import { SYSTEM_KINDS, systemsOf } from './answers/systems.ts'
import { readDialogues, SHIPPED_TALKS } from './dialogues/read.ts'
import { parseList, readOptions } from './lib/options.ts'
import { progress } from './lib/progress.ts'

const options = readOptions({
  out: '',
  data: SHIPPED_TALKS,
  systems: SYSTEM_KINDS.join(),
  'judge-runs': 10,
  dialogues: 0,
  questions: 0,
  estimate: false,
})
const config = readConfig()
const meter = new CostMeter(config.prices)
const model = await openLanguageModel(config, meter.record)
if (!model || !config.languageModel) throw new Error('LLM_MODEL: expected the name of a model, got nothing')
if (options.out === '') throw new Error('--out: expected the path of a file for the results, got nothing')
const embedder = await openEmbedder(config, meter.record)
const systems = systemsOf(
  parseList('--systems', options.systems, SYSTEM_KINDS),
  embedder,
  config.embedding !== undefined,
)
const dialogues = readDialogues(options.data, options.dialogues).map((dialogue) => {
  const answerable = dialogue.questions.filter(({ answer, evidence }) => answer !== '' && evidence.length > 0)
  return { ...dialogue, questions: answerable.slice(0, options.questions || answerable.length) }
})
const file = new ResultFile(options.out, {
  model: model.kind,
  embedder: embedder.name,
  data: options.data,
  judgeRuns: options['judge-runs'],
})
const run = { dialogues, systems, judgeRuns: options['judge-runs'], file }
const missing = countMissing(run)
console.log(`${missing} answers to ask for, ${file.results.length} in ${file.path}`)
console.log(`estimate: ${await estimate(run, config.languageModel.model, config.prices)}\n`)
if (!options.estimate) {
  const bar = progress('answers', missing, { suffix: () => String(meter) })
  await answerAll({ ...run, model, onResult: bar.tick })
  console.log(`${formatReport(file.results)}\n\nthis run: ${meter}`)
}
