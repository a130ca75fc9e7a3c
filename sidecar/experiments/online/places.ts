import { derivedId, type Scope } from '../../memory/model/scope.ts'
import type { Experiment } from '../model.ts'

/** A unit of assignment: a conversation of a user, or a user (`conversationId` is `null`). */
export interface Unit {
  userId: string
  conversationId: string | null
}

/** A unit of one experiment, and where its record is. */
export interface Place {
  namespace: string
  experiment: string
  /** Identifies the experiment: another one of the same name has another salt. */
  salt: string
  unit: Unit
  /** Identifies the unit within the experiment. */
  unitId: string
  /** Scope of its record, and of the lock for writing it. */
  scope: string
  recordId: string
}

/** Scopes per experiment, so that units are assigned and updated in parallel. */
export const SHARDS = 16
const PACKS_PER_SHARD = 64

/** Definitions have the empty user id, which no user can have. */
export function definitionsScope(namespace: string): string {
  return `${encodeURIComponent(namespace)}/`
}

export function definitionId(name: string): string {
  return derivedId('experiment', name)
}

/** Cannot collide with the scope of a user, which contains one slash. */
export function shardScope(namespace: string, salt: string, shard: number): string {
  return `${encodeURIComponent(namespace)}//${salt}/${shard}`
}

/** Returns `undefined` if the request has no conversation and the experiment assigns conversations. */
export function placeOf(
  { namespace, userId }: Scope,
  { name: experiment, salt, unit: kind }: Pick<Experiment, 'name' | 'salt' | 'unit'>,
  conversationId: string | undefined,
): Place | undefined {
  if (kind === 'conversation' && conversationId === undefined) return undefined
  const unit = { userId, conversationId: kind === 'user' ? null : (conversationId as string) }
  const unitId = JSON.stringify([unit.userId, unit.conversationId])
  const recordId = derivedId('unit', unitId)
  const scope = shardScope(namespace, salt, Number.parseInt(recordId.slice(2, 4), 16) % SHARDS)
  return { namespace, experiment, salt, unit, unitId, scope, recordId }
}

/** The pack that a unit is in while it is packed. Record ids are evenly distributed. */
export function packIdOf(recordId: string): string {
  return derivedId('pack', String(Number.parseInt(recordId.slice(0, 2), 16) % PACKS_PER_SHARD))
}
