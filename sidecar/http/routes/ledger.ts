import { z } from '@hono/zod-openapi'
import { GROUPINGS, type Grouping } from '../../insight/ledger/totals.ts'
import { describe, invalid } from '../../ports/errors.ts'
import type { LedgerEntry } from '../../ports/ledger.ts'
import { type Api, operation } from '../shared/operation.ts'
import * as s from '../shared/schemas.ts'
import type { HttpServices } from '../shared/services.ts'

const DAY_MS = 86_400_000
const PURPOSES = ['extract', 'reconcile', 'summarise', 'embed'] as const satisfies LedgerEntry['purpose'][]

function dayOrTime(description: string) {
  const error = 'expected a UTC day (2026-03-01) or an ISO 8601 time with a time zone'
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
    const message = `expected a comma-separated list of ${GROUPINGS.join(', ')} (unknown: ${describe(unknown)})`
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })
  .optional()
  .openapi({
    type: 'string',
    description: `Groups the totals by these fields, comma-separated: ${GROUPINGS.join(', ')}.`,
    example: 'day,model',
  })

const totals = {
  calls: z.number().describe('Requests sent; each retry counts as one.'),
  failed: z.number(),
  tokens_in: z.number(),
  tokens_out: z.number(),
  tokens_cached: z.number().describe('Part of tokens_in that the provider had cached.'),
  latency_ms: z.number().describe('Sum over all calls.'),
  retries: z.number(),
  cost: z.number().nullable().describe('null if a call has no known cost, see unpriced.'),
}

const getLedgerOperation = operation({
  route: 'GET /v1/ledger',
  operationId: 'get_ledger',
  summary: 'Get tokens, latency and cost of the calls to language and embedding models',
  description:
    'Cost is in the currency of PRICES. It is null if a call used a model without a price, or if the provider reported no token count.',
  query: {
    user_id: s.userId.optional(),
    conversation_id: s.conversationId.optional(),
    turn: s.queryTurn,
    purpose: z.enum(PURPOSES).optional().describe('Purpose of the calls.'),
    model: s.identifier('Name of the model, as configured.', 'gpt-4o-mini').optional(),
    arm: s.identifier('Arm of an experiment.', 'cached').optional(),
    day: z.iso
      .date({ error: 'expected a day like 2026-03-01' })
      .optional()
      .openapi({ description: 'Only calls of this UTC day.', example: '2026-03-01' }),
    from: dayOrTime('Only calls at or after this time; a day means its start in UTC.'),
    to: dayOrTime('Only calls before this time; a day means its start in UTC.'),
    group_by: groupBy,
  },
  returns: 'The totals.',
  answer: {
    totals: z.object(totals),
    groups: z.array(
      z.object({
        key: z.record(z.string(), z.union([z.string(), z.number()]).nullable()).openapi({ type: 'object' }),
        ...totals,
      }),
    ),
    unpriced: z.array(z.string()).describe('Models with calls of unknown cost, at most 100.'),
  },
})

export function ledgerRoutes(api: Api, { ledger }: HttpServices): void {
  getLedgerOperation.handle(
    api,
    ({ user_id, conversation_id, turn, purpose, model, arm, group_by, ...times }, c) => {
      const filter = { userId: user_id, conversationId: conversation_id, turn, purpose, model, arm }
      return ledger.query(c.get('namespace'), { ...filter, ...toRange(times) }, group_by)
    },
  )
}

/** @throws {AppError} `invalid_request` for an empty range, whose totals of zero would hide the mistake */
function toRange(times: { day?: string | undefined; from?: string | undefined; to?: string | undefined }) {
  const [day, from, to] = [times.day, times.from, times.to].map((text) =>
    text === undefined ? undefined : Date.parse(text),
  )
  if (from !== undefined && to !== undefined && to <= from) throw invalid('to', 'a time after from', times.to)
  if (day === undefined) return { from, to }
  return { from: Math.max(day, from ?? day), to: Math.min(day + DAY_MS, to ?? day + DAY_MS) }
}
