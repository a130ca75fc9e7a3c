import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type RunningSidecar, startSidecar } from '../../helpers/sidecar-process.ts'

const EXPERIMENT = {
  name: 'e',
  shadow_share: 0,
  arms: [
    { name: 'per_query', strategy: 'per_query' },
    { name: 'cached', strategy: 'cached_delta' },
  ],
}

async function recall({ call }: RunningSidecar, conversation: string, turn: number): Promise<string> {
  const request = {
    query: 'Where do I live?',
    user_id: 'ada',
    conversation_id: conversation,
    turn,
    window_size: 5,
  }
  const { status, body } = await call('POST', '/v1/recall', { ...request, experiment: 'e' })
  expect({ status, reason: body.experiment.reason }).toEqual({ status: 200, reason: 'assigned' })
  return body.experiment.arm
}

async function view({ call }: RunningSidecar): Promise<{ units: number; turns: number }> {
  const { units, turns } = (await call('GET', '/v1/experiments/e')).body
  return { units, turns }
}

describe('an experiment across restarts of the sidecar', () => {
  it('keeps arms after kill -9, loses only recalls that were not yet written, and none in a regular stop', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'hippocache-experiment-'))
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }))
    const start = async () => await startSidecar({ DATA_DIR: dataDir })
    const conversations = Array.from({ length: 20 }, (_, i) => `c${i}`)

    const first = await start()
    await first.call('POST', '/v1/experiments', EXPERIMENT)
    const arms = new Map<string, string>()
    for (const id of conversations) arms.set(id, await recall(first, id, 1))
    expect(await view(first)).toEqual({ units: 20, turns: 20 })
    for (const id of conversations) await recall(first, id, 2)
    await first.kill()

    const second = await start()
    const survived = await view(second)
    expect(survived.units).toBe(20)
    expect(survived.turns).toBeGreaterThanOrEqual(20)
    expect(survived.turns).toBeLessThanOrEqual(40)
    for (const id of conversations) expect(await recall(second, id, 3)).toBe(arms.get(id))
    second.child.kill('SIGTERM')
    await second.ended

    const third = await start()
    expect(await view(third)).toEqual({ units: 20, turns: survived.turns + 20 })
    // The retried turns were written before.
    for (const id of conversations) expect(await recall(third, id, 3)).toBe(arms.get(id))
    expect(await view(third)).toEqual({ units: 20, turns: survived.turns + 20 })
  }, 120_000)
})
