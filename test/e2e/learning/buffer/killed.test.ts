import { spawnSync } from 'node:child_process'
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
    const expected = [
      'acknowledged',
      'epoch: after the bump',
      'epoch: before the bump',
      'extract: answered',
      'fence: after the bump',
      'fence: before the bump',
      'flush failure: after the commit',
      'flush failure: before the commit',
      'reconcile: answered',
      'turn added: after the commit',
      'turn added: before the commit',
      'turn extracted: after the commit',
      'turn extracted: before the commit',
    ]
    expect([...new Set(STEPS)].sort()).toEqual(expected)
    expect(EXPECTED).toMatchObject({
      recalled: ['Ada lives in Porto.', 'Ada plays the cello.', 'Ada works as a nurse.'],
      pending: [],
    })
  })

  // The last occurrence of a step has the most stored state.
  it.each([...new Set(STEPS)])(
    'at "%s": a restart and a repeated call end in the same state as an undisturbed run',
    async (name) => {
      const path = join(tempDir(), 'records.db')
      const killed = spawnSync(process.execPath, [PROCESS, path, String(STEPS.lastIndexOf(name))], {
        encoding: 'utf8',
      })
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
