/*
 * Makes the calls of a client and kills itself with SIGKILL at the given step. Writes one character to stdout for each
 * acknowledged call.
 */
import { writeSync } from 'node:fs'
import { ACTIONS, openPipeline } from './pipeline.ts'

const [path = '', killAt = ''] = process.argv.slice(2)

let passed = 0
const step = (): void => {
  if (passed++ === Number(killAt)) process.kill(process.pid, 'SIGKILL')
}

const pipeline = await openPipeline(path, step)
for (let nth = 0; nth < ACTIONS.length; nth++) {
  await pipeline.act(nth)
  writeSync(1, '.')
  step()
}
await pipeline.close()
