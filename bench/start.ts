/*
 * npm run bench -- start [--runs 15]
 *
 * From spawning the sidecar (embedded backends, empty folder) to its first answered request, interleaved with the
 * start of a Node process that does nothing.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { startSidecar } from './lib/sidecar-process.ts'
import { percentile } from './lib/statistics.ts'
import { table } from './lib/table.ts'

const { values } = parseArgs({ options: { runs: { type: 'string', default: '15' } } })
const runs = Number(values.runs)

const took: Record<'sidecar' | 'node', number[]> = { sidecar: [], node: [] }
for (let i = 0; i < runs + 1; i++) {
  await using sidecar = await startSidecar()
  const ready = (await (await fetch(`${sidecar.url}/readyz`)).json()) as { status: string }
  if (ready.status !== 'ready') throw new Error(`readyz: expected ready, got ${ready.status}`)
  const started = performance.now()
  await once(spawn(process.execPath, ['-e', '0']), 'exit')
  // The first run warms the disk and is not counted.
  if (i > 0) {
    took.sidecar.push(sidecar.readyMs)
    took.node.push(performance.now() - started)
  }
}

const ms = (samples: readonly number[], p: number) => percentile(samples, p).toFixed(0)
const row = (name: string, samples: readonly number[]) => [
  name,
  ms(samples, 0.5),
  ms(samples, 0),
  ms(samples, 1),
]
console.log(`${runs} starts each, interleaved, after one that is not counted; milliseconds\n`)
console.log(
  table([
    ['', 'median', 'min', 'max'],
    row('sidecar, to its first answer', took.sidecar),
    row('node -e 0', took.node),
  ]),
)
console.log(
  `\nratio of the medians: ${(percentile(took.sidecar, 0.5) / percentile(took.node, 0.5)).toFixed(1)}`,
)
