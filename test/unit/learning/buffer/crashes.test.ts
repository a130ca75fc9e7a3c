import { describe, expect, it } from 'vitest'
import { Learner } from '../../../../sidecar/learning/learner/learner.ts'
import type { Collection, RecordStore, Write } from '../../../../sidecar/ports/records.ts'
import { ADA, type SetUp, setUp, startFlush } from '../../../helpers/learning/buffer/helpers.ts'

const TURNS = [
  'I live in Leeds. I am a nurse',
  'I have a cat',
  'I moved to Porto',
  'I play the cello. I am a potter',
]

const writesTo = (collection: Collection) => (writes: readonly Write[]) =>
  writes.some((write) => 'put' in write && write.collection === collection)

/** A store that fails once when armed, before or after the commit takes effect. */
function failing(which: (writes: readonly Write[]) => boolean, when: 'before' | 'after') {
  let armed = false
  return {
    arm: () => {
      armed = true
    },
    wrapRecords: (records: RecordStore): RecordStore => ({
      ...records,
      async commit(writes) {
        const fails = armed && which(writes)
        if (fails) armed = false
        if (fails && when === 'before') throw new Error('the process died before the commit')
        await records.commit(writes)
        if (fails) throw new Error('the process died after the commit')
      },
    }),
  }
}

async function postAll(at: SetUp) {
  for (const [i, content] of TURNS.entries()) {
    at.clock.advance(1000)
    await at.post(i + 1, content)
  }
}

async function stateOf(at: SetUp) {
  const { memories } = await at.services.engine.list(ADA, { limit: 100, accept: () => true })
  return {
    memories: memories
      .map(({ text, version, sources }) => `${text} v${version} ${sources.map(({ turn }) => turn)}`)
      .sort(),
    history: (await at.history()).sort(),
    pending: await at.pendingStored(),
    turns: (await at.turnsStored()).map(({ turn, state }) => `${turn} ${state}`).sort(),
    summary: (await at.records.get('conversations', 'n/ada', (await conversationId(at)) ?? ''))?.payload[
      'summary'
    ],
  }
}

async function conversationId(at: SetUp) {
  const [record] = await at.records.scroll('conversations', 'n/ada', { limit: 1 })
  return record?.id
}

async function stateWithoutCrash(flushAt: readonly number[]) {
  const at = setUp()
  for (const [i, content] of TURNS.entries()) {
    at.clock.advance(1000)
    await at.post(i + 1, content)
    if (flushAt.includes(i)) await at.buffer.flush(ADA)
  }
  await at.buffer.flush(ADA)
  return await stateOf(at)
}

describe.each(['before', 'after'] as const)('a crash right %s the commit', (when) => {
  it.each([[[]], [[0]], [[1]], [[0, 1, 2]]])(
    'of an extraction: a restart ends in the same state (flushes after %j)',
    async (flushAt) => {
      const { arm, wrapRecords } = failing(writesTo('memories'), when)
      let at = setUp({ wrapRecords })
      for (const [i, content] of TURNS.entries()) {
        at.clock.advance(1000)
        await at.post(i + 1, content)
        if (!flushAt.includes(i)) continue
        arm()
        await at.buffer.flush(ADA)
        at = await at.restart()
        await at.buffer.flush(ADA)
      }
      arm()
      await at.buffer.flush(ADA)
      at = await at.restart()
      await at.buffer.flush(ADA)
      expect(await stateOf(at)).toEqual(await stateWithoutCrash(flushAt))
    },
  )

  it('of a posted turn: posting it again stores it once', async () => {
    const { arm, wrapRecords } = failing(writesTo('turns'), when)
    const at = setUp({ wrapRecords })
    arm()
    await expect(at.post(1, 'I live in Leeds')).rejects.toThrow('died')
    const next = await at.restart()
    await next.post(1, 'I live in Leeds')
    await next.buffer.flush(ADA)
    expect(await next.texts()).toEqual(['Ada lives in Leeds.'])
    expect(await next.history()).toEqual(['ADD 1 Ada lives in Leeds.'])
    expect(await next.turnsStored()).toHaveLength(1)
    expect(await next.pendingStored()).toEqual([])
  })
})

it('concurrent and repeated extractions of the same turns take effect once', async () => {
  const at = setUp()
  await postAll(at)
  const ids = at.buffer.list(ADA).map(({ turn_id }) => turn_id)
  const learner = new Learner({
    records: at.records,
    embedder: at.services.embedder,
    engine: at.services.engine,
    model: at.model,
    ruleBook: at.services.ruleBook,
    findNeighbours: (scope, query) => at.services.recall.findSimilar(scope, query),
    countTokens: (text) => text.length,
  })
  const outcomes = await Promise.all([
    learner.learn(ADA, ids),
    learner.learn(ADA, ids),
    learner.learn(ADA, ids),
  ])
  outcomes.push(await learner.learn(ADA, ids))
  expect(outcomes.map(({ status }) => status)).toEqual(['learned', 'learned', 'learned', 'learned'])
  expect(outcomes.filter((one) => one.status === 'learned' && one.events.length > 0)).toHaveLength(1)
  expect(await stateOf(at)).toEqual(await stateWithoutCrash([]))
})

it('a crash during the model call loses nothing and counts no attempt', async () => {
  const at = setUp()
  await postAll(at)
  const { flushing } = await startFlush(at)
  const next = await at.restart()
  expect(await flushing).toMatchObject({ reason: 'closing' })
  expect(next.buffer.list(ADA).map(({ attempts, error }) => ({ attempts, error }))).toEqual(
    TURNS.map(() => ({ attempts: 0, error: null })),
  )
  await next.buffer.flush(ADA)
  expect(await stateOf(next)).toEqual(await stateWithoutCrash([]))
})

it('recalls the stored memories after a commit that reported an error', async () => {
  const { arm, wrapRecords } = failing(writesTo('memories'), 'after')
  const at = setUp({ wrapRecords })
  await at.post(1, 'I live in Leeds')
  expect(await at.recalled('Leeds')).toEqual(['I live in Leeds'])
  arm()
  await at.buffer.flush(ADA)
  await at.buffer.flush(ADA)
  expect(await at.texts()).toEqual(['Ada lives in Leeds.'])
  expect(await at.recalled('Leeds')).toEqual(['Ada lives in Leeds.'])
  expect(at.buffer.list(ADA)).toEqual([])
})
