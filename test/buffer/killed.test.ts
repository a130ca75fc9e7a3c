import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { tempDir } from '../helpers/temp-dir.ts'
import { ACTIONS, openPipeline, type Way } from './killed/pipeline.ts'

const PROCESS = fileURLToPath(new URL('killed/process.ts', import.meta.url))

/** Every step on the way, by name and in order, and what is there when nobody is killed. */
async function undisturbed(way: Way) {
  const steps: string[] = []
  const pipeline = await openPipeline(':memory:', (name) => steps.push(name), way)
  for (let nth = 0; nth < ACTIONS.length; nth++) {
    await pipeline.act(nth)
    steps.push('acknowledged')
  }
  const state = await pipeline.state()
  await pipeline.close()
  return { way, steps, state }
}

const WAYS = [await undisturbed('direct'), await undisturbed('ahead')] as const
const [DIRECT, AHEAD] = WAYS
const EXPECTED = DIRECT.state

describe('kill -9 at each step', () => {
  it('of all that there are', () => {
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
      'put off: after the commit',
      'put off: before the commit',
      'reconcile: answered',
      'reconcile: before the call',
      'turn durable: after the commit',
      'turn durable: before the commit',
    ]
    expect([...new Set(DIRECT.steps)].sort()).toEqual(direct)
    const logged = ['let go: after', 'let go: before', 'logged: after', 'logged: before']
    // An empty commit, which makes sure of those before it.
    const sure = ['other: after the commit', 'other: before the commit']
    expect([...new Set(AHEAD.steps)].sort()).toEqual([...direct, ...logged, ...sure].sort())
    expect(EXPECTED).toMatchObject({
      recalled: ['Ada lives in Porto.', 'Ada plays the cello.', 'Ada works as a nurse.'],
      pending: [],
    })
    expect(AHEAD.state).toEqual(EXPECTED)
  })

  it.each(WAYS.flatMap(({ way, steps }) => steps.map((name, i) => [way, i, name] as const)))(
    '%s, %i (%s) leaves what no kill leaves, once',
    async (way, i) => {
      const path = join(tempDir(), 'records.db')
      const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'hippocache-compiled') }
      const killed = spawnSync(process.execPath, [PROCESS, path, String(i), way], { encoding: 'utf8', env })
      expect({ signal: killed.signal, stderr: killed.stderr }).toEqual({ signal: 'SIGKILL', stderr: '' })
      const acknowledged = killed.stdout.length
      const pipeline = await openPipeline(path, () => {}, way)
      try {
        // The client calls again what it heard no answer to, and goes on.
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
