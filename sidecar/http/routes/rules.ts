import { z } from '@hono/zod-openapi'
import type { RulesInForce } from '../../memory/rules/rule-book.ts'
import { appRules, withDefaultTopics } from '../../memory/rules/rules.ts'
import type { RulesVersion } from '../../memory/rules/stored-rules.ts'
import { type Api, operation } from '../shared/operation.ts'
import * as s from '../shared/schemas.ts'
import type { HttpServices } from '../shared/services.ts'
import { decodeCursor, encodeCursor, toIso } from '../shared/values.ts'

const appId = s
  .identifier('The app. Absent: the rules of the namespace, for apps without rules of their own.', 'app-1')
  .optional()

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
  time_zone: z.string(),
  redact: z.array(z.string()),
  flush: z
    .object({
      tokens: z.number().nullable(),
      turns: z.number().nullable(),
      idle_s: z.number().nullable(),
      window_ahead: z.number().nullable(),
    })
    .describe('Triggers of a flush; null: the setting of the sidecar.'),
})

const rulesAnswer = {
  app_id: z.string().nullable(),
  version: z
    .number()
    .describe(
      'Newest version of the rules of exactly this app_id, to pass as if_version; 0 if none was ever set. With the parameter version: that version.',
    ),
  in_force: z
    .object({ from: z.enum(['app', 'namespace', 'default']), version: z.number() })
    .describe('Source and version of the rules that apply.'),
  rules,
  updated_at: z.string().nullable(),
}

const getRulesOperation = operation({
  route: 'GET /v1/rules',
  operationId: 'get_rules',
  summary: 'Get the rules of an app',
  description:
    'The rules that apply: those of the app, else those of the namespace, else the defaults. Default topics are listed in full.',
  query: {
    app_id: appId,
    version: s.queryInteger(s.positiveInt32.optional(), {
      minimum: 1,
      maximum: s.MAX_INT32,
      description: 'An earlier version of the rules of exactly this app_id, instead of those that apply.',
      example: 2,
    }),
  },
  returns: 'The rules that apply, or the requested version; rules is null if that version removed the rules.',
  answer: { ...rulesAnswer, rules: rules.nullable() },
})

const setRulesOperation = operation({
  route: 'PUT /v1/rules',
  operationId: 'set_rules',
  summary: 'Set the rules of an app',
  description:
    'Replaces all rules: an absent field gets its default. null removes the rules of this app_id. Creates a new version if anything changes.',
  body: {
    app_id: appId,
    rules: appRules.nullable().openapi({
      type: 'object',
      description:
        'remember: user, assistant or both (default). custom_instructions: at most 2000 characters for the extraction prompt. ' +
        'include_topics, exclude_topics: topics to keep or to discard. topics: name, description and sub_topics of each. ' +
        'retention_days: days per topic, 1 to 36,500; * for all others. run_retention_days: maximum days for memories ' +
        'of a run (default 30), null for no limit. time_zone: IANA name (default UTC) that decides the local date of messages ' +
        'whose at has no UTC offset, and of relative dates in queries. redact: password, card, email, phone to remove from every text. flush: tokens, turns, idle_s (seconds) and window_ahead (turns) that trigger ' +
        'a flush, null for the setting of the sidecar.',
      example: { remember: 'user', exclude_topics: ['health'], retention_days: { plans: 90 } },
    }),
    if_version: s
      .integer(0, 2 ** 31 - 1)
      .optional()
      .describe('Expected newest version; the request fails with 409 if another version is the newest.'),
  },
  returns: 'The rules that apply from now on.',
  answer: rulesAnswer,
})

const listRulesVersionsOperation = operation({
  route: 'GET /v1/rules/versions',
  operationId: 'list_rules_versions',
  summary: 'List the versions of the rules of an app',
  query: { app_id: appId, limit: s.queryLimit(100, 20), cursor: s.cursor },
  returns: 'A page of versions, newest first.',
  answer: {
    app_id: z.string().nullable(),
    versions: z.array(z.object({ version: z.number(), rules: rules.nullable(), updated_at: z.string() })),
    next_cursor: s.nextCursor,
  },
})

export function ruleRoutes(api: Api, { ruleBook }: HttpServices): void {
  getRulesOperation.handle(api, async ({ app_id = null, version }, c) => {
    const namespace = c.get('namespace')
    const inForce = toView(await ruleBook.inForce(namespace, app_id))
    if (version === undefined) return inForce
    return { ...inForce, ...toVersionView(await ruleBook.version(namespace, app_id, version)) }
  })

  setRulesOperation.handle(api, async ({ app_id = null, rules, if_version }, c) =>
    toView(await ruleBook.put(c.get('namespace'), app_id, rules, if_version)),
  )

  listRulesVersionsOperation.handle(api, async ({ app_id = null, limit, cursor }, c) => {
    const before = cursor === undefined ? undefined : decodeCursor(cursor).order
    const page = await ruleBook.versions(c.get('namespace'), app_id, { limit, before })
    const last = page.at(-1)?.version ?? 1
    const next_cursor = last > 1 ? encodeCursor({ order: last, id: '' }) : null
    return { app_id, versions: page.map(toVersionView), next_cursor }
  })
}

function toView({ appId, version, from, rules, updatedAt }: RulesInForce) {
  const in_force = { from: from.source, version: from.version }
  return { app_id: appId, version, in_force, rules: withDefaultTopics(rules), updated_at: toIso(updatedAt) }
}

function toVersionView({ version, rules, updatedAt }: RulesVersion) {
  return { version, rules: rules && withDefaultTopics(rules), updated_at: toIso(updatedAt) }
}
