import type { Config } from '../config.ts'
import { topologyOf } from '../topology.ts'

/** @throws {Error} when the records are in Qdrant */
export function recordsFileOf(config: Config): string {
  const { records } = topologyOf(config)
  if (records.kind === 'sqlite') return records.path
  throw new Error(
    'QDRANT_URL: expected nothing, got a URL: the records are in Qdrant, which has snapshots of its own; see docs/deployment.md#backup',
  )
}
