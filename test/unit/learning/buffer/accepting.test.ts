import { expect, it } from 'vitest'
import { lexicalEmbedder } from '../../../../sidecar/adapters/in-process/lexical-embedder.ts'
import type { Embedder } from '../../../../sidecar/ports/embedder.ts'
import { ModelUnavailable } from '../../../../sidecar/ports/language-model.ts'
import { ADA, setUp, startThinking } from '../../../helpers/learning/buffer/helpers.ts'

it('the same turn posted again while it is being learned from costs nothing and changes nothing', async () => {
  const at = setUp()
  await at.post(1, 'I live in Leeds')
  const { flushing, release } = await startThinking(at)
  await at.post(1, 'I live in Leeds')
  release()
  await flushing
  expect(at.model.calls).toHaveLength(1)
  expect(await at.texts()).toEqual(['Ada lives in Leeds.'])
  expect(at.buffer.list(ADA)).toEqual([])
})

it('turns of two agents, or that remember otherwise, are not learned from in one batch', async () => {
  const at = setUp()
  await at.post(1, 'I live in Leeds', { agentId: 'travel' })
  await at.post(2, 'I moved to Porto', { agentId: 'work' })
  await at.post(3, 'I have a cat', { agentId: 'work', remember: 'assistant' })
  await at.buffer.flush(ADA)
  const { memories } = await at.services.engine.list(ADA, { limit: 10, accept: () => true })
  expect(memories.map(({ text, agent_id }) => `${agent_id}: ${text}`).sort()).toEqual([
    'travel: Ada lives in Leeds.',
    'work: Ada lives in Porto.',
  ])
  expect(at.model.batches()).toHaveLength(3)
})

it('an embedder that is away does not keep a turn from being accepted and recalled', async () => {
  const real = lexicalEmbedder()
  let isAway = false
  const embedder: Embedder = {
    name: real.name,
    dimensions: real.dimensions,
    async embed(...asked) {
      if (isAway) throw new ModelUnavailable('unreachable', 'away')
      return await real.embed(...asked)
    },
  }
  const at = setUp({ embedder })
  await at.recalled('anything')
  isAway = true
  await at.post(1, 'I live in Leeds')
  expect(await at.recalled('Where is Leeds?')).toEqual(['I live in Leeds'])
  expect(await at.pendingStored()).toHaveLength(1)
  isAway = false
  const next = await at.restart()
  expect(await next.recalled('Where is Leeds?')).toEqual(['I live in Leeds'])
  await next.buffer.flush(ADA)
  expect(await next.texts()).toEqual(['Ada lives in Leeds.'])
})
