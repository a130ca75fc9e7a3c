/**
 * npm run bench -- NAME [options]
 *
 * Runs one benchmark. Each one verifies the answers of the system before it measures, and prints the commit, the
 * machine and the settings with its results.
 */
import { commit, machine } from './lib/provenance.ts'

const BENCHMARKS: Record<string, { about: string; load: () => Promise<unknown> }> = {
  locomo: {
    about: 'evidence recall of the ranking on LoCoMo (--data FILE)',
    load: () => import('./locomo/locomo.ts'),
  },
  frontier: {
    about:
      'evidence recall and billed tokens of the strategies by window size, on conversations in six languages',
    load: () => import('./frontier.ts'),
  },
  talks: {
    about:
      'evidence recall on conversations in six languages, relative to BM25, cosine and the npm package mem0ai',
    load: () => import('./talks.ts'),
  },
  answers: {
    about:
      'F1, BLEU-1, LLM judge, tokens and latency of answers from full context, RAG chunks and each strategy',
    load: () => import('./answers.ts'),
  },
  extraction: {
    about:
      'what a language model, or a scripted one, makes the sidecar learn from conversations in six languages',
    load: () => import('./extraction.ts'),
  },
  replay: {
    about: 'whether grounded recall of a replay ranks the strategies as labelled evidence does',
    load: () => import('./replay.ts'),
  },
  recall: {
    about: 'latency of per-query recall over HTTP with 500 memories, relative to a minimal JSON handler',
    load: () => import('./recall.ts'),
  },
  search: {
    about: 'latency of candidate search on SQLite, by size of the scope',
    load: () => import('./search.ts'),
  },
  scale: {
    about: 'latency of per-query recall over HTTP with 100,000 memories and with 10,000 users',
    load: () => import('./scale.ts'),
  },
  cached: {
    about: 'recall served from a cached block on Redis, relative to a minimal Hono + ioredis handler',
    load: () => import('./cached.ts'),
  },
  add: {
    about: 'acknowledgement latency of POST /v1/memories at a fixed arrival rate with a slow model',
    load: () => import('./add.ts'),
  },
  experiment: {
    about: "statistics of an experiment's report against simulated experiments, and the CPU time of a report",
    load: () => import('./experiment.ts'),
  },
  report: {
    about: "time of an experiment's report over a million recalls, over HTTP",
    load: () => import('./report.ts'),
  },
  'bad-answers': {
    about: 'share of facts recovered from malformed model answers',
    load: () => import('./bad-answers.ts'),
  },
  mem0: {
    about: 'model calls, tokens and latency relative to the npm package mem0ai (--data FILE)',
    load: () => import('./mem0.ts'),
  },
  beside: {
    about: "worst latency of GET /healthz beside one user's heavy work",
    load: () => import('./beside.ts'),
  },
  start: {
    about: 'time from process start to the first answered request, relative to an empty Node process',
    load: () => import('./start.ts'),
  },
}

const [name = '', ...options] = process.argv.slice(2)
const benchmark = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined
if (!benchmark) {
  const isHelp = name === '--help'
  const print = isHelp ? console.log : console.error
  print(
    isHelp
      ? 'npm run bench -- NAME [options]'
      : `NAME: expected one of these benchmarks, got ${JSON.stringify(name)}`,
  )
  for (const [known, { about }] of Object.entries(BENCHMARKS)) print(`  ${known.padEnd(12)} ${about}`)
  process.exit(isHelp ? 0 : 1)
}
console.log(`benchmark: ${name} (${benchmark.about})`)
console.log(`commit: ${commit()}`)
console.log(`machine: ${machine()}`)
// The benchmark parses process.argv itself, without its own name.
process.argv.splice(2, process.argv.length - 2, ...options)
await benchmark.load()
