import { expect, it } from 'vitest'
import { lexicalEmbedder } from '../../../../sidecar/adapters/in-process/lexical-embedder.ts'
import type { Embedder } from '../../../../sidecar/ports/embedder.ts'
import { ModelUnavailable } from '../../../../sidecar/ports/language-model.ts'
import { ADA, setUp, startFlush } from '../../../helpers/learning/buffer/helpers.ts'

it('a turn that is posted again during its extraction is not extracted twice', async () => {
  const at = setUp()
  await at.post(1, 'I live in Leeds')
  const { flushing, release } = await startFlush(at)
  await at.post(1, 'I live in Leeds')
  release()
  await flushing
  expect(at.model.calls).toHaveLength(1)
  expect(await at.texts()).toEqual(['Ada lives in Leeds.'])
  expect(at.buffer.list(ADA)).toEqual([])
})

it('turns with different agents or remember settings are extracted in separate batches', async () => {
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

it('a turn is accepted and recalled while the embedder is unavailable', async () => {
  const real = lexicalEmbedder()
  let isUnavailable = false
  const embedder: Embedder = {
    name: real.name,
    dimensions: real.dimensions,
    async embed(...args) {
      if (isUnavailable) throw new ModelUnavailable('unreachable', 'unavailable')
      return await real.embed(...args)
    },
  }
  const at = setUp({ embedder })
  await at.recalled('anything')
  isUnavailable = true
  await at.post(1, 'I live in Leeds')
  expect(await at.recalled('Where is Leeds?')).toEqual(['I live in Leeds'])
  expect(await at.pendingStored()).toHaveLength(1)
  isUnavailable = false
  const next = await at.restart()
  expect(await next.recalled('Where is Leeds?')).toEqual(['I live in Leeds'])
  await next.buffer.flush(ADA)
  expect(await next.texts()).toEqual(['Ada lives in Leeds.'])
})
