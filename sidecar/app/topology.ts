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
  /** Whether the counters of scopes are keyed by store file, because files have scopes of the same name. */
  areCountersPerFile: boolean
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
export function topologyOf({
  redis,
  qdrant,
  dataDir,
}: Pick<Config, 'redis' | 'qdrant' | 'dataDir'>): Topology {
  const selected = {
    records: qdrant
      ? ({ kind: 'qdrant', ...qdrant } as const)
      : ({ kind: 'sqlite', path: join(dataDir, 'hippocache.db') } as const),
    cache: redis ? ({ kind: 'redis', ...redis } as const) : IN_PROCESS,
    areCountersPerFile: !qdrant,
  }
  if (!redis || !qdrant) {
    const queue = { kind: 'sqlite', path: join(dataDir, 'queue.db') } as const
    return { ...selected, isShared: false, queue, locks: IN_PROCESS }
  }
  const commitMs = Math.min(20_000, Math.max(1000, qdrant.timeoutMs))
  const onRedis = { kind: 'redis', ...redis } as const
  return { ...selected, isShared: true, queue: onRedis, locks: { ...onRedis, commitMs } }
}

const IN_PROCESS: InProcess = { kind: 'in-process' }
