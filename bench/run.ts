/*
 * npm run bench -- NAME [options]
 *
 * Each benchmark checks that what it measures answers rightly, then measures, and prints what it ran on.
 */
import { cpus } from 'node:os'

const BENCHMARKS: Record<string, { about: string; load: () => Promise<unknown> }> = {
  locomo: {
    about:
      'evidence recall on LoCoMo conversations (--data FILE); with --strategies LIST, against billed tokens',
    load: () => import('./locomo/locomo.ts'),
  },
  recall: {
    about: 'per-query recall over HTTP, 500 memories, next to a bare handler',
    load: () => import('./recall.ts'),
  },
  cache: {
    about: 'Cache Get over HTTP with Redis, next to a bare Hono and ioredis handler',
    load: () => import('./cache.ts'),
  },
  add: {
    about: 'how long a turn takes to be answered for while turns arrive and a slow model learns',
    load: () => import('./add.ts'),
  },
  cached: {
    about: 'recall from a cached block over HTTP with Redis, next to a bare Hono and ioredis handler',
    load: () => import('./cached.ts'),
  },
  'bad-answers': {
    about: 'what is recovered from bad answers of weak models',
    load: () => import('./bad-answers.ts'),
  },
  mem0: {
    about: 'calls, tokens and time next to the npm package mem0ai (--data FILE)',
    load: () => import('./mem0.ts'),
  },
  adapters: {
    about: 'what the adapters add to the raw calls of Redis, Qdrant and SQLite',
    load: () => import('./adapters.ts'),
  },
  start: { about: 'from spawning the sidecar to its first answer', load: () => import('./start.ts') },
}

const [name = '', ...rest] = process.argv.slice(2)
const benchmark = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined
if (!benchmark) {
  console.error(`Expected the name of a benchmark, got ${JSON.stringify(name)}. There are:`)
  for (const [one, { about }] of Object.entries(BENCHMARKS)) console.error(`  ${one.padEnd(12)} ${about}`)
  process.exit(1)
}
console.log(
  `${name}: Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}\n`,
)
// The benchmark reads its own options, without its name.
process.argv.splice(2, process.argv.length - 2, ...rest)
await benchmark.load()
