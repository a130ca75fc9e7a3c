/*
 * npm run bench -- start [--runs 15]
 *
 * Time from spawning the sidecar (embedded backends, empty data folder) to its first answered request, alternating
 * with the start of a Node process that does nothing.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readOptions } from './lib/options.ts'
import { startSidecar } from './lib/sidecar-process.ts'
import { percentile } from './lib/statistics.ts'
import { table } from './lib/table.ts'

const { runs } = readOptions({ runs: 15 })

const tookMs: Record<'sidecar' | 'node', number[]> = { sidecar: [], node: [] }
for (let i = 0; i < runs + 1; i++) {
  await using sidecar = await startSidecar()
  const ready = (await (await fetch(`${sidecar.url}/readyz`)).json()) as { status: string }
  if (ready.status !== 'ready') throw new Error(`/readyz: expected status ready, got ${ready.status}`)
  const started = performance.now()
  await once(spawn(process.execPath, ['-e', '0']), 'exit')
  // The first run fills the file cache of the system and does not count.
  if (i > 0) {
    tookMs.sidecar.push(sidecar.readyMs)
    tookMs.node.push(performance.now() - started)
  }
}

const row = (name: string, samples: readonly number[]) => [
  name,
  ...[0.5, 0, 1].map((p) => percentile(samples, p).toFixed(0)),
]
console.log(`${runs} starts each, alternating, after one warm-up\n`)
console.log(
  table([
    ['', 'median ms', 'min ms', 'max ms'],
    row('sidecar to its first answer', tookMs.sidecar),
    row('node -e 0', tookMs.node),
  ]),
)
const ratio = percentile(tookMs.sidecar, 0.5) / percentile(tookMs.node, 0.5)
console.log(`\nratio of the medians, sidecar / empty process: ${ratio.toFixed(1)} ×`)
