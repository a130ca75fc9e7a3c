import { createRoute, z } from '@hono/zod-openapi'
import { archiveLines } from '../../../memory/archive/archive.ts'
import { cleanLines } from '../../../memory/archive/clean-lines.ts'
import { archived } from '../../../memory/archive/format.ts'
import { type ForeignMemory, importMemories } from '../../../memory/archive/import-memories.ts'
import { restoreRecords } from '../../../memory/archive/restore.ts'
import { scopeKey } from '../../../memory/model/scope.ts'
import { type AppRules, expiryOf } from '../../../memory/rules/rules.ts'
import type { JsonObject } from '../../../ports/records.ts'
import { addCounts, type CleanedCounts } from '../../../text/cleaning/counts.ts'
import { isPhatic } from '../../../text/cleaning/phatic.ts'
import { inZone, parseLocalTime } from '../../../text/local-time.ts'
import { inexactIn, removeNulls } from '../../shared/body.ts'
import { type Api, failure, operation, scopeOf, signalOf } from '../../shared/operation.ts'
import { assertQuota } from '../../shared/quota.ts'
import { problemsOf } from '../../shared/router.ts'
import * as s from '../../shared/schemas.ts'
import type { HttpServices } from '../../shared/services.ts'
import { streamed } from '../../shared/stream.ts'
import { toCleaned } from '../../shared/values.ts'

/** Maximum number of records per request. */
const MAX_BATCH = 500
/** Approximate size of a chunk of the export, in UTF-16 code units. */
const CHUNK = 64 * 1024

const label = (example: string) => s.identifier('', example).nullish()

const item = z.strictObject({
  id: s.identifier('', 'a1b2').nullish(),
  memory: s.rawMemoryText,
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
  agent_id: s.labels.agent_id.nullable(),
  run_id: s.labels.run_id.nullable(),
  app_id: s.labels.app_id.nullable(),
})

type Item = z.output<typeof item>

const refusedItems = z.array(z.object({ index: z.number(), reason: z.string() }))

/** A list whose items are validated one by one, so that an invalid item does not fail the others. */
function batchOf(description: string, example: unknown) {
  const count = `expected 1 to ${MAX_BATCH} entries`
  return z
    .array(z.any(), { error: 'expected a list' })
    .min(1, { error: count })
    .max(MAX_BATCH, { error: count })
    .openapi({ type: 'array', items: { type: 'object' }, description, example: [example] })
}

/** @param name of an item in error messages */
function decodeItems<T extends z.ZodType>(schema: T, items: readonly unknown[], name: string) {
  const valid: { index: number; data: z.output<T> }[] = []
  const refused: z.infer<typeof refusedItems> = []
  for (const [index, value] of items.entries()) {
    const inexact = inexactIn(value)
    if (inexact) {
      const { field, message, received } = inexact
      refused.push({ index, reason: `${field}: ${message}, got ${received}` })
      continue
    }
    removeNulls(schema, value)
    const parsed = schema.safeDecode(value as z.input<T>)
    if (parsed.success) valid.push({ index, data: parsed.data })
    else refused.push({ index, reason: problemsOf(parsed.error, value, name).message })
  }
  return { valid, refused }
}

const exportRoute = createRoute({
  method: 'get',
  path: '/v1/export',
  operationId: 'export_user',
  summary: 'Export all data of a user as JSON lines',
  description:
    'A header, then memories, earlier versions, history, turns, conversations, the graph and pending turns, then a footer with the counts. A file without the footer is incomplete. Excludes rules, ledger and embeddings.',
  request: { query: z.strictObject({ user_id: s.userId }) },
  responses: {
    200: {
      description: 'One JSON object per line.',
      content: { 'application/x-ndjson': { schema: { type: 'string' } } },
    },
    default: failure,
  },
})

const importUserOperation = operation({
  route: 'POST /v1/import',
  operationId: 'import_user',
  summary: 'Restore lines of an export',
  description:
    'Send the lines in the order of the export. Existing records stay unchanged, so a retry is safe. An invalid line does not affect the others.',
  body: {
    user_id: s.userId,
    records: batchOf(`Lines of an export without header and footer, 1 to ${MAX_BATCH}.`, {
      kind: 'conversation',
      order: 0,
      conversation: { id: 'c-7', last_turn: 3, summary: '' },
    }),
  },
  isBatch: true,
  returns: 'Number of restored and of unchanged records, and the refused lines.',
  answer: {
    restored: z.number(),
    unchanged: z.number(),
    refused: refusedItems,
    degraded: s.degraded,
    cleaned: s.cleaned,
  },
})

const importMemoriesOperation = operation({
  route: 'POST /v1/memories/import',
  operationId: 'import_memories',
  summary: 'Import memories of another system unchanged, without a model',
  description:
    'A retry is safe: a memory is identified by its id, or by speaker and text if it has none. A memory that was corrected or deleted here since the first import stays so. An invalid entry does not affect the others.',
  body: {
    user_id: s.userId,
    memories: batchOf(
      `1 to ${MAX_BATCH} memories. Each has memory (the text) and optionally id (in the other system), role, name (of the speaker), at, created_at, updated_at, expires_at, topic, sub_topic, importance, event_date, metadata, agent_id, run_id, app_id.`,
      { id: 'a1b2', memory: 'Ada is allergic to peanuts.', created_at: '2026-03-01T09:30:00Z' },
    ),
  },
  isBatch: true,
  returns: 'Number of imported, updated and unchanged memories, and the refused entries.',
  answer: {
    imported: z.number(),
    updated: z.number(),
    unchanged: z.number(),
    refused: refusedItems,
    degraded: s.degraded,
    cleaned: s.cleaned,
  },
})

export function transferRoutes(api: Api, services: HttpServices): void {
  const { engine, records, embedder, buffer, intake, metrics, ruleBook, quotas, now } = services

  /** Reads the rules of each app once per request. */
  const rulesReader = (namespace: string) => {
    const known = new Map<string | null, Promise<AppRules>>()
    return (appId: string | null) => {
      const rules = known.get(appId) ?? ruleBook.inForce(namespace, appId).then((inForce) => inForce.rules)
      known.set(appId, rules)
      return rules
    }
  }

  api.openapi(exportRoute, async (c) => {
    const { user_id } = c.req.valid('query')
    const signal = signalOf(c)
    const lines = archiveLines(records, scopeKey(scopeOf(c, user_id)), {
      userId: user_id,
      now: now(),
      signal,
    })
    c.header('content-type', 'application/x-ndjson; charset=utf-8')
    c.header('cache-control', 'no-store')
    // The route types of zod-openapi only know JSON and text responses.
    return c.body(await streamed(toChunks(lines), signal), 200) as never
  })

  importUserOperation.handle(api, async ({ user_id, records: lines }, c) => {
    const { valid, refused } = decodeItems(archived, lines, 'record')
    const scope = scopeOf(c, user_id)
    await assertQuota(c, quotas, scope, valid.filter(({ data }) => data.kind === 'memory').length)
    const readRules = rulesReader(scope.namespace)
    const { lines: cleanedLines, counts } = await cleanLines(
      valid.map(({ data }) => data),
      async (appId) => (await readRules(appId)).redact,
    )
    metrics.cleaned(counts)
    const signal = signalOf(c)
    const { answer, degraded } = await engine.tryChange(scopeKey(scope), (unit) => {
      // The changes of a user wait for each other.
      signal.throwIfAborted()
      return restoreRecords(unit, cleanedLines, embedder)
    })
    const { restored, unchanged, waiting } = answer
    // The buffer loads restored pending turns from the store, as after a restart.
    if (waiting.length > 0) await buffer?.start()
    return { restored, unchanged, refused, degraded, cleaned: toCleaned(counts) }
  })

  importMemoriesOperation.handle(api, async ({ user_id, memories }, c) => {
    const scope = scopeOf(c, user_id)
    await assertQuota(c, quotas, scope, memories.length)
    const { valid, refused } = decodeItems(item, memories, 'memory')
    const foreign: ForeignMemory[] = []
    const readRules = rulesReader(scope.namespace)
    const counts: CleanedCounts = {}
    const signal = signalOf(c)
    for (const { index, data } of valid) {
      signal.throwIfAborted()
      const rules = await readRules(data.app_id ?? null)
      const texts = [{ role: data.role ?? 'user', content: data.memory }]
      const cleaned = await intake.cleanTexts(texts, rules)
      addCounts(counts, cleaned.counts)
      const text = s.memoryText.safeParse(cleaned.texts[0])
      if (isPhatic(cleaned.texts[0] as string, { answersQuestion: true })) {
        refused.push({ index, reason: 'memory: expected something to remember, got an acknowledgement' })
      } else if (text.success) foreign.push(toForeign({ ...data, memory: text.data }, rules, now()))
      else refused.push({ index, reason: problemsOf(text.error, cleaned.texts[0], 'memory').message })
    }
    refused.sort((a, b) => a.index - b.index)
    const { answer, degraded } = await engine.tryChange(scopeKey(scope), (unit) => {
      signal.throwIfAborted()
      return importMemories(unit, foreign)
    })
    return { ...answer, refused, degraded, cleaned: toCleaned(counts) }
  })
}

function toForeign(given: Item, rules: AppRules, now: number): ForeignMemory {
  const said = parseLocalTime(given.at ?? given.created_at ?? new Date(now).toISOString())
  const { at } = said
  const created = parseTime(given.created_at) ?? at
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
    ...inZone(said, rules.time_zone),
    created_at: created,
    updated_at: Math.max(created, parseTime(given.updated_at) ?? at),
  }
}

function parseTime(text: string | null | undefined): number | undefined {
  return text === null || text === undefined ? undefined : Date.parse(text)
}

async function* toChunks(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let chunk = ''
  for await (const line of lines) {
    chunk += `${line}\n`
    if (chunk.length < CHUNK) continue
    yield chunk
    chunk = ''
  }
  if (chunk !== '') yield chunk
}
