import { join } from 'node:path'
import type { Config } from './config.ts'

type Redis = { kind: 'redis' } & NonNullable<Config['redis']>
type Qdrant = { kind: 'qdrant' } & NonNullable<Config['qdrant']>
type InProcess = { kind: 'in-process' }
type SqliteFile = { kind: 'sqlite'; path: string }

/** Which backends the configuration selects. Only `app/` reads it: the engine gets ports and options instead. */
export interface Topology {
  records: SqliteFile | Qdrant
  /** Also of the scope state: blocks and counters. */
  cache: InProcess | Redis
  /** Whether several sidecars may serve the same records. */
  isShared: boolean
  queue: SqliteFile | Redis
  /** Of writes and of flushes. `commitMs`: how long a commit may take, milliseconds. */
  locks: InProcess | (Redis & { commitMs: number })
}

/**
 * Several sidecars need records that each of them reaches (Qdrant) and a common Redis for locks, jobs and counters.
 * A SQLite file has one owner, so its queue and its locks stay local even with a Redis.
 */
export function topologyOf(config: Pick<Config, 'redis' | 'qdrant' | 'dataDir'>): Topology {
  const { redis, qdrant, dataDir } = config
  const sqlite = (name: string): SqliteFile => ({ kind: 'sqlite', path: join(dataDir, name) })
  const inProcess: InProcess = { kind: 'in-process' }
  const onRedis = redis && { kind: 'redis' as const, ...redis }
  const selected = {
    records: qdrant ? { kind: 'qdrant' as const, ...qdrant } : sqlite('hippocache.db'),
    cache: onRedis ?? inProcess,
  }
  if (!onRedis || !qdrant) {
    return { ...selected, isShared: false, queue: sqlite('queue.db'), locks: inProcess }
  }
  const commitMs = Math.min(20_000, Math.max(1000, qdrant.timeoutMs))
  return { ...selected, isShared: true, queue: onRedis, locks: { ...onRedis, commitMs } }
}
