import { describe, expect, it } from 'vitest'
import { createInProcessScopeState } from '../../../../sidecar/adapters/in-process/scope-state.ts'
import { CacheUnavailable } from '../../../../sidecar/ports/cache-store.ts'
import type { Counters, ScopeState } from '../../../../sidecar/ports/scope-state.ts'
import { setUp } from '../../../helpers/learning/buffer/helpers.ts'
import { said, type TestApp, testApp } from '../../../helpers/test-app.ts'

const SCOPE = 'default/ada'
const HOUR = 3_600_000
const PORTO = { conversation_id: 'c', turn: 1, mode: 'verbatim' }

/** Returns by how much the counters move during `run`. */
async function moved(state: ScopeState, run: () => Promise<unknown>, scope = SCOPE): Promise<Counters> {
  const before = await state.counters(scope)
  await run()
  const { epoch, fence } = await state.counters(scope)
  return { epoch: epoch - before.epoch, fence: fence - before.fence }
}

async function add(app: TestApp, text: string, rest: Record<string, unknown> = PORTO): Promise<string> {
  const { body } = await app.call('POST', '/v1/memories', said(text, rest))
  return body.events.at(-1)?.id
}

describe('the counters of a scope', () => {
  it('move only the epoch when a memory is added, and nothing when none is', async () => {
    const app = testApp()
    const { scopeState } = app.services
    const say = () => add(app, 'I live in Porto, by the river.')
    expect(await moved(scopeState, say)).toEqual({ epoch: 1, fence: 0 })
    expect(await moved(scopeState, () => add(app, 'Hello!', { ...PORTO, turn: 2 }))).toEqual({
      epoch: 0,
      fence: 0,
    })
    const other = () => add(app, 'I like the sea in winter.', { ...PORTO, turn: 3 })
    expect(await moved(scopeState, other)).toEqual({ epoch: 1, fence: 0 })
    expect(await moved(scopeState, other, 'default/bob')).toEqual({ epoch: 0, fence: 0 })
  })

  it('move the fence before and after a deletion, a correction, a restore and a replaced turn', async () => {
    const app = testApp()
    const { scopeState } = app.services
    const id = await add(app, 'I live in Porto, by the river.')
    const at = `/v1/memories/${id}?user_id=ada`
    const twice = { epoch: 2, fence: 2 }
    const correct = () =>
      app.call('PATCH', `/v1/memories/${id}`, { user_id: 'ada', memory: 'I live in Lisbon, by the river.' })
    expect(await moved(scopeState, correct)).toEqual(twice)
    expect(await moved(scopeState, correct)).toEqual({ epoch: 0, fence: 0 })
    const restore = () => app.call('POST', `/v1/memories/${id}/restore`, { user_id: 'ada' })
    expect(await moved(scopeState, restore)).toEqual(twice)
    expect(await moved(scopeState, () => app.call('DELETE', at))).toEqual(twice)
    await add(app, 'I like the sea in winter.', { ...PORTO, turn: 2 })
    app.clock.advance(2000)
    const replace = () => add(app, 'I like the sea in summer.', { ...PORTO, turn: 2 })
    expect(await moved(scopeState, replace)).toEqual(twice)
  })

  it('move the fence when a user is forgotten, and drop the blocks', async () => {
    const app = testApp()
    const { scopeState } = app.services
    await add(app, 'I live in Porto, by the river.')
    const begun = await scopeState.counters(SCOPE)
    await scopeState.fill(SCOPE, 'c', 'Porto', HOUR, begun)
    await scopeState.noteTurn(SCOPE, 'c', 1, 'added', 1)
    const forget = () => app.call('DELETE', '/v1/memories?user_id=ada')
    expect((await moved(scopeState, forget)).fence).toBeGreaterThanOrEqual(2)
    expect((await scopeState.read(SCOPE, 'c')).block).toBeUndefined()
    expect(await scopeState.turns(SCOPE, 'c')).toEqual([])
    // The store is empty, but there may still be blocks.
    await scopeState.fill(SCOPE, 'c', 'Porto', HOUR, await scopeState.counters(SCOPE))
    await forget()
    expect((await scopeState.read(SCOPE, 'c')).block).toBeUndefined()
  })

  it('move only the epoch when facts are extracted, and the fence when a fact supersedes another', async () => {
    const { services, post, buffer } = setUp()
    const { scopeState } = services
    const learn = async () => void (await buffer.flush({ namespace: 'n', userId: 'ada' }))
    const scope = 'n/ada'
    expect((await moved(scopeState, () => post(1, 'I live in Leeds'), scope)).fence).toBe(0)
    expect(await moved(scopeState, learn, scope)).toMatchObject({ fence: 0 })
    expect((await moved(scopeState, () => post(2, 'I moved to Porto'), scope)).fence).toBe(0)
    expect(await moved(scopeState, learn, scope)).toMatchObject({ fence: 2 })
    expect(
      await services.engine.list({ namespace: 'n', userId: 'ada' }, { limit: 9, accept: () => true }),
    ).toMatchObject({ memories: [{ text: 'Ada lives in Porto.' }] })
  })

  it('move the fence when a pending turn is deleted', async () => {
    const { services, post } = setUp()
    const { engine, scopeState } = services
    const ada = { namespace: 'n', userId: 'ada' }
    await post(1, 'I live in Leeds')
    const [waiting] = (await engine.list(ada, { limit: 9, accept: () => true })).memories
    const remove = () => engine.remove(ada, waiting?.id as string)
    expect(await moved(scopeState, remove, 'n/ada')).toEqual({ epoch: 2, fence: 2 })
  })
})

describe('a block that is stored during a deletion', () => {
  it.each(['before the commit', 'after the commit'])('is not served afterwards: %s', async (moment) => {
    let during = async () => {}
    const app = testApp({
      wrapRecords: (records) => ({
        ...records,
        async commit(writes) {
          if (moment === 'before the commit') await during()
          await records.commit(writes)
          if (moment === 'after the commit') await during()
        },
      }),
    })
    const { scopeState } = app.services
    const id = await add(app, 'I live in Porto, by the river.')
    let filled: boolean | undefined
    during = async () => {
      during = async () => {}
      // Built while the store still contains the memory.
      filled = await scopeState.fill(SCOPE, 'c', 'Porto', HOUR, await scopeState.counters(SCOPE))
    }
    const early = await scopeState.counters(SCOPE)
    await scopeState.fill(SCOPE, 'd', 'Porto', HOUR, early)
    await app.call('DELETE', `/v1/memories/${id}?user_id=ada`)
    expect(filled).toBe(true)
    for (const key of ['c', 'd']) expect((await scopeState.read(SCOPE, key)).block).toBeUndefined()
    expect(await scopeState.fill(SCOPE, 'd', 'Porto', HOUR, early)).toBe(false)
  })
})

describe('an unreachable scope state', () => {
  it('does not fail writes; the scope has pending notices until they are delivered', async () => {
    const inner = createInProcessScopeState({ maxEntries: 100, maxBytes: 100_000 })
    let away = true
    const orAway = async <T>(run: () => Promise<T>) => {
      if (away) throw new CacheUnavailable('unreachable', 'redis at nowhere: away')
      return await run()
    }
    const scopeState: ScopeState = {
      ...inner,
      bump: (scope, what) => orAway(() => inner.bump(scope, what)),
      clear: (scope) => orAway(() => inner.clear(scope)),
    }
    const app = testApp({ scopeState })
    const { hasPendingNotices } = app.services
    const before = await inner.counters(SCOPE)
    const id = await add(app, 'I live in Porto, by the river.')
    expect(hasPendingNotices(SCOPE)).toBe(true)
    const { status } = await app.call('DELETE', `/v1/memories/${id}?user_id=ada`)
    expect(status).toBe(200)
    expect(hasPendingNotices(SCOPE)).toBe(true)
    away = false
    await expect.poll(() => hasPendingNotices(SCOPE), { timeout: 15_000 }).toBe(false)
    expect((await inner.counters(SCOPE)).fence).toBeGreaterThan(before.fence)
  })
})
