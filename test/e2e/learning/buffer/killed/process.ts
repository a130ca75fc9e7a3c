/*
 * Plays the actions of a client, and kills itself as `kill -9` would at the step of this number. Says on stdout which
 * calls were acknowledged before.
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
