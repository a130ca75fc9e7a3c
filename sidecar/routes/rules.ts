import { createRoute, z } from '@hono/zod-openapi'
import type { RuleBook, RulesInForce, RulesVersion } from '../rules/rule-book.ts'
import { appRules, spelledOut } from '../rules/rules.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { router } from './router.ts'
import * as s from './schemas.ts'

const MAX_VERSION = 2 ** 31 - 1

const appId = s.identifier('The app; without it, the namespace: the rules of apps that have none.', 'app-1')

const rules = z.object({
  remember: z.enum(['user', 'assistant', 'both']),
  custom_instructions: z.string(),
  include_topics: z.array(z.string()),
  exclude_topics: z.array(z.string()),
  topics: z.array(
    z.object({
      name: z.string(),
      description: z.string().optional(),
      sub_topics: z.array(z.string()).optional(),
    }),
  ),
  retention_days: z.record(z.string(), z.number()).openapi({ type: 'object' }),
  run_retention_days: z.number().nullable(),
  flush: z
    .object({
      tokens: z.number().nullable(),
      turns: z.number().nullable(),
      idle_s: z.number().nullable(),
      window_ahead: z.number().nullable(),
    })
    .openapi({ description: 'When waiting turns are learned from; null is as the sidecar is set.' }),
})

const answer = z.object({
  app_id: z.string().nullable(),
  version: z.number().openapi({
    description:
      'Newest version of the rules of just this app_id, to give as if_version; 0: it never had any. The version asked for, where one was.',
  }),
  in_force: z
    .object({ from: z.enum(['app', 'namespace', 'default']), version: z.number() })
    .openapi({ description: 'Whose rules hold, and which version of them.' }),
  rules,
  updated_at: z.string().nullable(),
})

const version = z.object({ version: z.number(), rules: rules.nullable(), updated_at: z.string() })

const get = createRoute({
  method: 'get',
  path: '/v1/rules',
  operationId: 'get_rules',
  summary: 'What an app wants remembered',
  description:
    "The rules that hold: the app's own, else the namespace's, else the defaults, with the topics spelled out.",
  request: {
    query: z.strictObject({
      app_id: appId.optional(),
      version: s.inQuery(s.wholeNumber(1, MAX_VERSION), '2').openapi({
        description: 'An earlier version of the rules of just this app_id, instead of those in force.',
      }),
    }),
  },
  responses: s.answers(
    'The rules in force, or the version asked for; null where that took the rules back.',
    answer.extend({ rules: rules.nullable() }),
  ),
})

const put = createRoute({
  method: 'put',
  path: '/v1/rules',
  operationId: 'set_rules',
  summary: 'Set what an app wants remembered',
  description:
    'Replaces the rules as a whole: a field that is left out has its default. null takes the rules of this app_id back.',
  request: {
    body: s.jsonBody(
      z.strictObject({
        app_id: appId.optional(),
        rules: appRules.nullable().openapi({
          type: 'object',
          description:
            'remember (user, assistant or both), custom_instructions, include_topics, exclude_topics, topics (name, description, sub_topics), retention_days (by topic; * for the others), run_retention_days (of what belongs to a run; null for no limit), flush (tokens, turns, idle_s and window_ahead at which waiting turns are learned from; null as the sidecar is set).',
          example: { remember: 'user', exclude_topics: ['health'], retention_days: { plans: 90 } },
        }),
        if_version: s
          .wholeNumber(0, MAX_VERSION)
          .optional()
          .openapi({ description: 'The version that you have seen; a conflict if there is a newer one.' }),
      }),
    ),
  },
  responses: s.answers('The rules in force from now on.', answer),
})

const versions = createRoute({
  method: 'get',
  path: '/v1/rules/versions',
  operationId: 'list_rules_versions',
  summary: 'What the rules of an app were before',
  request: {
    query: z.strictObject({
      app_id: appId.optional(),
      limit: s.inQuery(s.wholeNumber(1, 100), '20'),
      cursor: z.string().max(500).optional().openapi({ description: 'next_cursor of the page before.' }),
    }),
  },
  responses: s.answers(
    'The newest first.',
    z.object({
      app_id: z.string().nullable(),
      versions: z.array(version),
      next_cursor: z.string().nullable(),
    }),
  ),
})

export function ruleRoutes({ ruleBook }: { ruleBook: RuleBook }) {
  return router()
    .openapi(get, async (c) => {
      const { app_id = null, version } = c.req.valid('query')
      const namespace = c.get('namespace')
      const inForce = toAnswer(await ruleBook.inForce(namespace, app_id))
      if (version === undefined) return c.json(inForce, 200)
      return c.json({ ...inForce, ...toVersion(await ruleBook.version(namespace, app_id, version)) }, 200)
    })
    .openapi(put, async (c) => {
      const { app_id = null, rules, if_version } = c.req.valid('json')
      return c.json(toAnswer(await ruleBook.put(c.get('namespace'), app_id, rules, if_version)), 200)
    })
    .openapi(versions, async (c) => {
      const { app_id = null, limit = 20, cursor } = c.req.valid('query')
      const before = cursor === undefined ? undefined : decodeCursor(cursor).order
      const found = await ruleBook.versions(c.get('namespace'), app_id, { limit, before })
      const last = found.at(-1)?.version ?? 1
      const next_cursor = last > 1 ? encodeCursor({ order: last, id: '' }) : null
      return c.json({ app_id, versions: found.map(toVersion), next_cursor }, 200)
    })
}

function toAnswer({ appId, version, from, rules, updatedAt }: RulesInForce) {
  return {
    app_id: appId,
    version,
    in_force: { from: from.source, version: from.version },
    rules: spelledOut(rules),
    updated_at: updatedAt === null ? null : new Date(updatedAt).toISOString(),
  }
}

function toVersion({ version, rules, updatedAt }: RulesVersion) {
  return { version, rules: rules && spelledOut(rules), updated_at: new Date(updatedAt).toISOString() }
}
