import { createRoute, z } from '@hono/zod-openapi'
import { type ForeignMemory, importMemories } from '../../../memory/archive/import-memories.ts'
import type { MemoryEngine } from '../../../memory/engine/engine.ts'
import { scopeKey } from '../../../memory/model/scope.ts'
import type { RuleBook } from '../../../memory/rules/rule-book.ts'
import { type AppRules, expiryOf } from '../../../memory/rules/rules.ts'
import type { JsonObject } from '../../../ports/records.ts'
import { problemsOf, router } from '../../validation/router.ts'
import * as s from '../../validation/schemas.ts'

/** Maximum number of records per request. */
export const MAX_BATCH = 500

const label = (example: string) => s.identifier('', example).nullish()

const item = z.strictObject({
  id: s.identifier('', 'a1b2').nullish(),
  memory: s.memoryText.refine((text) => text.isWellFormed(), { error: 'expected well-formed Unicode' }),
  role: z.enum(['user', 'assistant', 'system']).nullish(),
  name: label('Ada'),
  at: s.time('').nullish(),
  created_at: s.time('').nullish(),
  updated_at: s.time('').nullish(),
  expires_at: s.time('').nullish(),
  topic: label('health'),
  sub_topic: label('allergies'),
  importance: s.integer(1, 5).nullish(),
  event_date: z
    .string()
    .regex(/^\d{4}(?:-\d{2}(?:-\d{2})?)?$/, { error: 'expected YYYY, YYYY-MM or YYYY-MM-DD' })
    .nullish(),
  metadata: s.metadata.nullish(),
  agent_id: s.agentId.nullish(),
  run_id: s.runId.nullish(),
  app_id: s.appId.nullish(),
})

type Item = z.output<typeof item>

export const refusedItems = z.array(z.object({ index: z.number(), reason: z.string() }))

/** A list whose items are validated one by one, so that an invalid item does not fail the others. */
export function batchOf(description: string, example: unknown) {
  const count = `expected 1 to ${MAX_BATCH} entries`
  return z
    .array(z.any(), { error: 'expected a list' })
    .min(1, { error: count })
    .max(MAX_BATCH, { error: count })
    .openapi({ type: 'array', items: { type: 'object' }, description, example: [example] })
}

const route = createRoute({
  method: 'post',
  path: '/v1/memories/import',
  operationId: 'import_memories',
  summary: 'Import memories of another system unchanged, without a model',
  description:
    'A retry is safe: a memory is identified by its id, or by speaker and text if it has none. A memory that was corrected or deleted here since the first import stays so. An invalid entry does not affect the others.',
  request: {
    body: s.jsonBody(
      z.strictObject({
        user_id: s.userId,
        memories: batchOf(
          `1 to ${MAX_BATCH} memories. Each has memory (the text) and optionally id (in the other system), role, name (of the speaker), at, created_at, updated_at, expires_at, topic, sub_topic, importance, event_date, metadata, agent_id, run_id, app_id.`,
          { id: 'a1b2', memory: 'Ada is allergic to peanuts.', created_at: '2026-03-01T09:30:00Z' },
        ),
      }),
    ),
  },
  responses: s.responses(
    'Number of imported, updated and unchanged memories, and the refused entries.',
    z.object({ imported: z.number(), updated: z.number(), unchanged: z.number(), refused: refusedItems }),
  ),
})

interface Services {
  engine: MemoryEngine
  ruleBook: RuleBook
  now: () => number
}

export function importMemoryRoutes({ engine, ruleBook, now }: Services) {
  return router().openapi(route, async (c) => {
    const { user_id, memories } = c.req.valid('json')
    const scope = { namespace: c.get('namespace'), userId: user_id }
    const valid: ForeignMemory[] = []
    const refused: z.infer<typeof refusedItems> = []
    const rulesOf = new Map<string | null, AppRules>()
    for (const [index, value] of memories.entries()) {
      const parsed = item.safeParse(value)
      if (!parsed.success) {
        refused.push({ index, reason: problemsOf(parsed.error, value, 'memory').message })
        continue
      }
      const appId = parsed.data.app_id ?? null
      const rules = rulesOf.get(appId) ?? (await ruleBook.inForce(scope.namespace, appId)).rules
      rulesOf.set(appId, rules)
      valid.push(toForeign(parsed.data, rules, now()))
    }
    const outcome =
      valid.length > 0
        ? await engine.change(scopeKey(scope), (unit) => importMemories(unit, valid))
        : { imported: 0, updated: 0, unchanged: 0 }
    return c.json({ ...outcome, refused }, 200)
  })
}

function toForeign(given: Item, rules: AppRules, now: number): ForeignMemory {
  const created = parseTime(given.created_at) ?? parseTime(given.at) ?? now
  const at = parseTime(given.at) ?? created
  const role = given.role ?? 'user'
  return {
    foreign_id: given.id ?? null,
    text: given.memory,
    role,
    speaker: given.name ?? role,
    agent_id: given.agent_id ?? null,
    run_id: given.run_id ?? null,
    app_id: given.app_id ?? null,
    metadata: (given.metadata ?? {}) as JsonObject,
    topic: given.topic ?? null,
    sub_topic: given.sub_topic ?? null,
    importance: given.importance ?? null,
    event_date: given.event_date ?? null,
    expires_at: parseTime(given.expires_at) ?? expiryOf(rules, given.topic ?? null, at),
    at,
    created_at: created,
    updated_at: Math.max(created, parseTime(given.updated_at) ?? at),
  }
}

function parseTime(text: string | null | undefined): number | undefined {
  return text === null || text === undefined ? undefined : Date.parse(text)
}
