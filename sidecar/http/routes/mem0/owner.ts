import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { Scope } from '../../../memory/model/scope.ts'
import { invalid } from '../../../ports/errors.ts'
import type { AppEnv } from '../../shared/router.ts'
import * as s from '../../shared/schemas.ts'

/** Fields of mem0 that say what a memory belongs to, in the order in which one of them becomes its owner. */
export const ENTITIES = ['user_id', 'agent_id', 'run_id', 'app_id'] as const
export type Entity = (typeof ENTITIES)[number]
export type EntityIds = { [K in Entity]?: string | undefined }

export const entityId = s.identifier('', 'ada').refine((id) => id !== '*', {
  error: 'expected one id ("*" for all is not supported here)',
})

/** The entities as fields of a request. */
export const entityFields = {
  user_id: entityId.optional(),
  agent_id: entityId.optional(),
  run_id: entityId.optional(),
  app_id: entityId.optional(),
}

/** Start of the user ids that stand for an agent, a run or an app without a user. */
const PREFIX = 'mem0:'

/**
 * The user whose memories a request reads or writes. Every memory has a user here; one that mem0 knows by its agent, run
 * or app alone belongs to a user with a name such as `mem0:agent_id:planner`.
 */
export function ownerOf(ids: EntityIds, field: string): string {
  const entity = ENTITIES.find((name) => ids[name] !== undefined)
  if (entity === undefined) throw invalid(field, `one of ${ENTITIES.join(', ')}`)
  const id = ids[entity] as string
  return entity === 'user_id' ? id : `${PREFIX}${entity}:${id}`
}

/** What `ownerOf` made the user id of. */
export function entityOf(userId: string): { entity: Entity; id: string } {
  const entity = ENTITIES.find((name) => userId.startsWith(`${PREFIX}${name}:`))
  if (entity === undefined) return { entity: 'user_id', id: userId }
  return { entity, id: userId.slice(`${PREFIX}${entity}:`.length) }
}

export function scopeOfUser(c: Context<AppEnv>, userId: string): Scope {
  return { namespace: c.get('namespace'), userId }
}

/**
 * An id as mem0's clients see it: mem0 names a memory by its id alone, and here it is found within its user, so the id
 * contains the user.
 */
export function toForeignId(id: string, userId: string): string {
  return `${id}.${Buffer.from(userId).toString('base64url')}`
}

/** An id that `toForeignId` made. */
export const foreignId = z
  .string()
  .max(2048)
  .transform((text, context) => {
    const [id, user, ...rest] = text.split('.')
    const userId = Buffer.from(user ?? '', 'base64url').toString()
    if (id && userId && rest.length === 0 && toForeignId(id, userId) === text) return { id, userId }
    context.addIssue({ code: 'custom', message: 'expected an id that an answer of this API contained' })
    return z.NEVER
  })
