import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { compileFilter } from '../../../memory/model/filters.ts'
import { type Scope, scopeKey } from '../../../memory/model/scope.ts'
import type { Position } from '../../../ports/records.ts'
import { forgetUser } from '../../shared/forget-user.ts'
import type { Api } from '../../shared/operation.ts'
import type { AppEnv } from '../../shared/router.ts'
import type { HttpServices } from '../../shared/services.ts'
import { listUsers } from '../../shared/users.ts'
import { omitUndefined, toIso } from '../../shared/values.ts'
import { DEFAULT_PAGE_SIZE, ignoredFields, pageFields } from './fields.ts'
import { entityFields, entityId, entityOf, ownerOf, scopeOfUser } from './owner.ts'
import { toPage } from './pages.ts'
import { mem0Route } from './route.ts'

/** Users read for one list: beyond them, `count` is a lower bound. */
const USERS_AT_ONCE = 1000
const MAX_USERS = 10 * USERS_AT_ONCE

/** Memories per read of a deletion. */
const CHUNK = 200

const TYPES = { user: 'user_id', agent: 'agent_id', run: 'run_id', app: 'app_id' } as const
type EntityType = keyof typeof TYPES

const pingRoute = mem0Route(['GET /v1/ping/'])

const listEntitiesRoute = mem0Route(['GET /v1/entities/'], { query: { ...pageFields, ...ignoredFields } })

const deleteEntityRoute = mem0Route(
  ['DELETE /v2/entities/{type}/{name}/', 'DELETE /v1/entities/{type}/{name}/'],
  {
    params: {
      type: z.enum(Object.keys(TYPES) as [EntityType], { error: 'expected user, agent, run or app' }),
      name: entityId,
    },
    query: ignoredFields,
  },
)

const deleteMemoriesRoute = mem0Route(['DELETE /v1/memories/'], {
  query: { ...entityFields, ...ignoredFields },
})

export function userMem0Routes(api: Api, services: HttpServices): void {
  const { engine, records } = services

  pingRoute.handle(api, (_, c) => {
    // The clients take organisation and project from here and refuse to start without them.
    const name = c.get('namespace')
    return { status: 'ok', org_id: name, project_id: name, user_email: null }
  })

  listEntitiesRoute.handle(api, async (query, c) => {
    const { page = 1, page_size: pageSize = DEFAULT_PAGE_SIZE } = query
    const userIds = await readUsers(c.get('namespace'))
    const shown = userIds.slice((page - 1) * pageSize, page * pageSize)
    const results = await Promise.all(shown.map((userId) => toEntity(scopeOfUser(c, userId))))
    return toPage(c, { page, pageSize, count: userIds.length, results })
  })

  async function readUsers(namespace: string): Promise<string[]> {
    const all: string[] = []
    let after: string | undefined
    while (all.length < MAX_USERS) {
      const { userIds, next } = await listUsers(records, namespace, { after, limit: USERS_AT_ONCE })
      all.push(...userIds)
      if (next === null) break
      after = next
    }
    return all
  }

  async function toEntity(scope: Scope) {
    const { entity, id } = entityOf(scope.userId)
    const type = (Object.keys(TYPES) as EntityType[]).find((name) => TYPES[name] === entity)
    const timeOf = async (direction: 'ascending' | 'descending') => {
      const [first] = await records.scroll('memories', scopeKey(scope), {
        limit: 1,
        direction,
        withVectors: false,
      })
      return first ? toIso(Math.floor(first.order / 1000)) : null
    }
    return {
      id,
      name: id,
      type,
      owner: scope.namespace,
      created_at: await timeOf('ascending'),
      updated_at: await timeOf('descending'),
      // Counting would read every memory.
      total_memories: null,
    }
  }

  deleteEntityRoute.handle(api, async ({ type, name }, c) => {
    await forgetUser(services, scopeOfUser(c, ownerOf({ [TYPES[type]]: name }, 'name')))
    return { message: 'Entity deleted successfully!' }
  })

  deleteMemoriesRoute.handle(api, async ({ user_id, agent_id, run_id, app_id }, c) => {
    const userId = ownerOf({ user_id, agent_id, run_id, app_id }, 'user_id')
    const labels = omitUndefined({ agent_id, run_id, app_id })
    const scope = scopeOfUser(c, userId)
    const isNarrowed = Object.keys(labels).length > (user_id === undefined ? 1 : 0)
    if (isNarrowed) await deleteMatching(c, scope, labels)
    else await forgetUser(services, scope)
    return { message: 'Memories deleted successfully!' }
  })

  /** Deletes one by one; the history of each is kept. */
  async function deleteMatching(c: Context<AppEnv>, scope: Scope, labels: object): Promise<void> {
    const { accepts } = compileFilter(labels)
    let after: Position | undefined
    for (;;) {
      const { memories, next } = await engine.list(scope, { limit: CHUNK, after, accept: accepts })
      for (const { id } of memories) {
        if (c.req.raw.signal.aborted) return
        await engine.remove(scope, id)
      }
      if (next === null) return
      after = next
    }
  }
}
