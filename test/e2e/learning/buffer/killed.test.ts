import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { tempDir } from '../../../helpers/temp-dir.ts'
import { ACTIONS, openPipeline } from './killed/pipeline.ts'

const PROCESS = fileURLToPath(new URL('killed/process.ts', import.meta.url))

/** The names of all steps in order, and the final state, of a run without a kill. */
async function undisturbed() {
  const steps: string[] = []
  const pipeline = await openPipeline(':memory:', (name) => steps.push(name))
  for (let nth = 0; nth < ACTIONS.length; nth++) {
    await pipeline.act(nth)
    steps.push('acknowledged')
  }
  const state = await pipeline.state()
  await pipeline.close()
  return { steps, state }
}

const { steps: STEPS, state: EXPECTED } = await undisturbed()

describe('kill -9 at each step', () => {
  it('covers every step of the pipeline', () => {
    const direct = [
      'acknowledged',
      'epoch: after the bump',
      'epoch: before the bump',
      'extract: answered',
      'extract: before the call',
      'extract: failed',
      'fence: after the bump',
      'fence: before the bump',
      'learned, pending removed: after the commit',
      'learned, pending removed: before the commit',
      'flush failure: after the commit',
      'flush failure: before the commit',
      'reconcile: answered',
      'reconcile: before the call',
      'turn durable: after the commit',
      'turn durable: before the commit',
    ]
    expect([...new Set(STEPS)].sort()).toEqual(direct)
    expect(EXPECTED).toMatchObject({
      recalled: ['Ada lives in Porto.', 'Ada plays the cello.', 'Ada works as a nurse.'],
      pending: [],
    })
  })

  it.each(STEPS.map((name, i) => [i, name] as const))(
    'at step %i (%s): a restart and a repeated call end in the same state as an undisturbed run',
    async (i) => {
      const path = join(tempDir(), 'records.db')
      const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'hippocache-compiled') }
      const killed = spawnSync(process.execPath, [PROCESS, path, String(i)], { encoding: 'utf8', env })
      expect({ signal: killed.signal, stderr: killed.stderr }).toEqual({ signal: 'SIGKILL', stderr: '' })
      const acknowledged = killed.stdout.length
      const pipeline = await openPipeline(path, () => {})
      try {
        // The client repeats the call without an answer, and makes the remaining calls.
        for (let nth = acknowledged; nth < ACTIONS.length; nth++) await pipeline.act(nth)
        await pipeline.act(ACTIONS.length - 1)
        expect(await pipeline.state()).toEqual(EXPECTED)
      } finally {
        await pipeline.close()
      }
    },
    60_000,
  )
})
