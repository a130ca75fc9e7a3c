/*
 * npm run bench -- NAME [options]
 *
 * Each benchmark checks that what it measures answers rightly, then measures, and prints what it ran on.
 */
import { cpus } from 'node:os'

const BENCHMARKS: Record<string, { about: string; load: () => Promise<unknown> }> = {
  locomo: {
    about: 'evidence recall on LoCoMo conversations (--data FILE)',
    load: () => import('./locomo/quality.ts'),
  },
  recall: {
    about: 'per-query recall over HTTP, 500 memories, next to a bare handler',
    load: () => import('./recall.ts'),
  },
  start: { about: 'from spawning the sidecar to its first answer', load: () => import('./start.ts') },
}

const [name = '', ...rest] = process.argv.slice(2)
const benchmark = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined
if (!benchmark) {
  console.error(`Expected the name of a benchmark, got ${JSON.stringify(name)}. There are:`)
  for (const [one, { about }] of Object.entries(BENCHMARKS)) console.error(`  ${one.padEnd(8)} ${about}`)
  process.exit(1)
}
console.log(
  `${name}: Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}\n`,
)
// The benchmark reads its own options, without its name.
process.argv.splice(2, process.argv.length - 2, ...rest)
await benchmark.load()
