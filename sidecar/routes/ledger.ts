import { createRoute, z } from '@hono/zod-openapi'
import { describe, invalid } from '../errors.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { GROUPINGS, type Grouping } from '../ledger/totals.ts'
import type { LedgerEntry } from '../ports/ledger.ts'
import { router } from './router.ts'
import * as s from './schemas.ts'

const DAY_MS = 86_400_000
const PURPOSES = ['extract', 'reconcile', 'summarise', 'embed'] as const satisfies LedgerEntry['purpose'][]

/** A day stands for its first moment. */
function time(description: string) {
  const error = 'expected a day (2026-03-01, in UTC) or an ISO 8601 time with a zone'
  return z
    .union([z.iso.date(), z.iso.datetime({ offset: true })], { error })
    .optional()
    .openapi({ type: 'string', description, example: '2026-03-01' })
}

const groupBy = z
  .string()
  .transform((text, context): Grouping[] => {
    const names = text.split(',').map((name) => name.trim())
    const known = names.filter((name): name is Grouping => (GROUPINGS as readonly string[]).includes(name))
    const unknown = names.find((name) => name !== '' && !(known as string[]).includes(name))
    if (unknown === undefined) return [...new Set(known)]
    const message = `expected a list of ${GROUPINGS.join(', ')}, separated by commas; ${describe(unknown)} is none of them`
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })
  .optional()
  .openapi({
    type: 'string',
    description: `Sums for each of them: ${GROUPINGS.join(', ')}, or several, separated by commas.`,
    example: 'day,model',
  })

const totals = {
  calls: z.number().openapi({ description: 'Requests that were sent, each try by itself.' }),
  failed: z.number(),
  tokens_in: z.number(),
  tokens_out: z.number(),
  tokens_cached: z.number(),
  latency_ms: z.number(),
  retries: z.number(),
  cost: z.number().nullable().openapi({ description: 'null: not known, see unpriced.' }),
}

const get = createRoute({
  method: 'get',
  path: '/v1/ledger',
  operationId: 'get_ledger',
  summary: 'What the calls to language and embedding models took and cost',
  description:
    'Cost is in the currency of PRICES, and null where a call is of a model that has no price there or whose provider did not count its tokens.',
  request: {
    query: z.strictObject({
      user_id: s.userId.optional(),
      conversation_id: s.conversationId.optional(),
      turn: s.inQuery(s.turn, '3'),
      purpose: z.enum(PURPOSES).optional().openapi({ description: 'What the calls were for.' }),
      model: s.identifier('The model, as it is configured.', 'gpt-4o-mini').optional(),
      arm: s.identifier('The arm of an experiment.', 'cached').optional(),
      day: z.iso
        .date({ error: 'expected a day like 2026-03-01' })
        .optional()
        .openapi({ description: 'Calls of one day, in UTC.', example: '2026-03-01' }),
      from: time('Calls from this time on; a day stands for its beginning.'),
      to: time('Calls before this time; a day stands for its beginning.'),
      group_by: groupBy,
    }),
  },
  responses: s.answers(
    'The sums.',
    z.object({
      totals: z.object(totals),
      groups: z.array(
        z.object({
          key: z.record(z.string(), z.union([z.string(), z.number()]).nullable()).openapi({ type: 'object' }),
          ...totals,
        }),
      ),
      unpriced: z.array(z.string()).openapi({ description: 'Models whose calls have no known cost.' }),
    }),
  ),
})

export function ledgerRoutes({ ledger }: { ledger: Ledger }) {
  return router().openapi(get, async (c) => {
    const { user_id, conversation_id, turn, purpose, model, arm, group_by, ...when } = c.req.valid('query')
    const filter = { userId: user_id, conversationId: conversation_id, turn, purpose, model, arm }
    return c.json(await ledger.query(c.get('namespace'), { ...filter, ...range(when) }, group_by), 200)
  })
}

/** @throws {AppError} `invalid_request` for an end before its beginning: an answer of zeros would hide the mistake. */
function range(when: { day?: string | undefined; from?: string | undefined; to?: string | undefined }) {
  const [day, from, to] = [when.day, when.from, when.to].map((text) =>
    text === undefined ? undefined : Date.parse(text),
  )
  if (from !== undefined && to !== undefined && to <= from) throw invalid('to', 'a time after from', when.to)
  if (day === undefined) return { from, to }
  return { from: Math.max(day, from ?? day), to: Math.min(day + DAY_MS, to ?? day + DAY_MS) }
}
