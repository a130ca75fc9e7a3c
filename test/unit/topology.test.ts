import { describe, expect, it } from 'vitest'
import { readConfig } from '../../sidecar/app/config.ts'
import { topologyOf } from '../../sidecar/app/topology.ts'

const REDIS = { REDIS_URL: 'redis://cache' }
const QDRANT = { QDRANT_URL: 'http://qdrant' }

const topologyWith = (env: Record<string, string>) => topologyOf(readConfig({ DATA_DIR: '/data', ...env }))

describe('topologyOf', () => {
  it.each([
    ['nothing', {}, ['sqlite', 'in-process', 'sqlite', 'in-process']],
    ['Redis only', REDIS, ['sqlite', 'redis', 'sqlite', 'in-process']],
    ['Qdrant only', QDRANT, ['qdrant', 'in-process', 'sqlite', 'in-process']],
  ])('serves one sidecar with %s', (_, env, kinds) => {
    const { records, cache, queue, locks, ...rest } = topologyWith(env)
    expect([records.kind, cache.kind, queue.kind, locks.kind]).toEqual(kinds)
    expect(rest).toEqual({ isShared: false })
    expect(queue).toEqual({ kind: 'sqlite', path: '/data/queue.db' })
  })

  it('serves several sidecars with Redis and Qdrant: the queue and the locks are in Redis too', () => {
    const { records, cache, queue, locks, ...rest } = topologyWith({ ...REDIS, ...QDRANT })
    expect([records.kind, cache.kind, queue.kind, locks.kind]).toEqual(['qdrant', 'redis', 'redis', 'redis'])
    expect(rest).toEqual({ isShared: true })
  })

  it.each([
    ['10', 1000],
    ['5000', 5000],
    ['60000', 20_000],
  ])('bounds the time for a commit: a Qdrant timeout of %s ms allows %i ms', (timeout, commitMs) => {
    const { locks } = topologyWith({ ...REDIS, ...QDRANT, QDRANT_TIMEOUT_MS: timeout })
    expect(locks).toMatchObject({ commitMs })
  })

  it('keeps the records of one sidecar in DATA_DIR', () => {
    expect(topologyWith({}).records).toEqual({ kind: 'sqlite', path: '/data/hippocache.db' })
  })
})
