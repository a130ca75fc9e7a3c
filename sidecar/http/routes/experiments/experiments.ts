import { z } from '@hono/zod-openapi'
import { arm as armRecord, EXPERIMENT_STATUSES, type Experiment, UNITS } from '../../../experiments/model.ts'
import { MAX_ARMS, MAX_WEIGHT, MIN_ARMS } from '../../../experiments/online/experiment-book.ts'
import { toCsv } from '../../../experiments/report/output/csv.ts'
import { toMarkdown } from '../../../experiments/report/output/markdown.ts'
import { report } from '../../../experiments/report/schema.ts'
import { computeReport } from '../../../experiments/report-thread/compute.ts'
import { STRATEGIES } from '../../../retrieval/strategies/request.ts'
import { type Api, operation, signalOf } from '../../shared/operation.ts'
import * as s from '../../shared/schemas.ts'
import type { HttpServices } from '../../shared/services.ts'
import { omitUndefined, toIso } from '../../shared/values.ts'

const NAME_ERROR = 'expected 1 to 64 letters, digits, spaces, _, - or ., starting with a letter or digit'
const experimentName = name('Name of the experiment.', 'cached-or-not')
const armName = name('Name of the arm.', 'cached')

function name(description: string, example: string) {
  return z
    .string({ error: NAME_ERROR })
    .trim()
    .normalize('NFC')
    .regex(/^[\p{L}\p{N}][\p{L}\p{M}\p{N} _.-]{0,63}$/u, { error: NAME_ERROR })
    .openapi({ type: 'string', description, example })
}

function fraction(description: string) {
  const error = 'expected a number from 0 to 1'
  return z.number({ error }).min(0, { error }).max(1, { error }).openapi({ description })
}

function queryNumber(description: string, example: number) {
  const error = 'expected a number above 0 and at most 1e12'
  return z
    .preprocess(
      (value) => (typeof value === 'string' && value.trim() !== '' ? Number(value) : undefined),
      z.number({ error }).gt(0, { error }).max(1e12, { error }).optional(),
    )
    .openapi({ type: 'number', description, example })
}

const weightError = `expected a number above 0 and at most ${MAX_WEIGHT} (pause or stop the experiment instead of 0)`
const weight = z
  .number({ error: weightError })
  .gt(0, { error: weightError })
  .max(MAX_WEIGHT, { error: weightError })
  .openapi({ description: `Share of the units, relative to the other arms: above 0, at most ${MAX_WEIGHT}.` })

const newArm = z.strictObject({
  name: armName,
  weight: weight.default(1),
  strategy: z.enum(STRATEGIES),
  window_size: s.windowSize.optional(),
  top_k: s.integer(1, 100).optional(),
  threshold: fraction('Minimum score of a result.').optional(),
  token_budget: s.integer(0, 100_000).optional(),
  freshness: z.enum(['window', 'write']).optional(),
  refresh_on_shift: fraction('Rebuilds the block below this similarity of the query.').optional(),
  graph: s.withGraph,
})

const NO_TOTALS = { units: 0, turns: 0 }

const outcome = s.identifier('Name of the outcome that decides between the arms.', 'thumbs')
const shadowShare = fraction(
  'Share of the turns on which the other arms answer as well, without being injected, for a comparison.',
)

const experimentView = {
  name: z.string(),
  status: z.enum(EXPERIMENT_STATUSES),
  unit: z.enum(UNITS).describe('What an arm is assigned to.'),
  arms: z.array(
    armRecord.extend({
      units: z.number().describe('Units assigned to this arm.'),
      turns: z.number().describe('Recalls that this arm answered.'),
    }),
  ),
  outcome: z.string(),
  shadow_share: z.number(),
  created_at: z.string(),
  started_at: z.string().nullable(),
  stopped_at: z.string().nullable(),
  units: z.number(),
  turns: z.number(),
  conflicts: z
    .number()
    .describe('Recalls answered by another arm than that of the unit; left out of the report.'),
}

const params = { name: experimentName }

const FORMATS = { csv: toCsv, markdown: toMarkdown } as const

const createExperimentOperation = operation({
  route: 'POST /v1/experiments',
  operationId: 'create_experiment',
  summary: 'Create an experiment that compares strategies',
  description:
    'Each unit (conversation or user) gets one arm permanently, which answers the recalls that name the experiment.',
  body: {
    name: experimentName,
    unit: z.enum(UNITS).default('conversation').describe('What an arm is assigned to; default conversation.'),
    arms: z
      .array(newArm, { error: `expected a list of ${MIN_ARMS} to ${MAX_ARMS} arms` })
      .min(MIN_ARMS, { error: `expected at least ${MIN_ARMS} arms` })
      .max(MAX_ARMS, { error: `expected at most ${MAX_ARMS} arms` })
      .openapi({
        description: `${MIN_ARMS} to ${MAX_ARMS} arms: name, strategy, weight (default 1), and parameters of recall that replace those of the request.`,
        example: [
          { name: 'per_query', strategy: 'per_query' },
          { name: 'cached', strategy: 'cached_delta', weight: 1 },
        ],
      }),
    outcome: outcome.default('thumbs'),
    shadow_share: shadowShare.default(0.1),
    start: z
      .boolean({ error: 'expected true or false' })
      .default(true)
      .describe('Whether it starts immediately; default true. false: a draft.'),
  },
  returns: 'The experiment.',
  answer: experimentView,
})

const listExperimentsOperation = operation({
  route: 'GET /v1/experiments',
  operationId: 'list_experiments',
  summary: 'List the experiments',
  description: 'Newest first; a namespace has at most 100.',
  returns: 'The experiments.',
  answer: { experiments: z.array(z.object(experimentView)), count: z.number() },
})

const getExperimentOperation = operation({
  route: 'GET /v1/experiments/{name}',
  operationId: 'get_experiment',
  summary: 'Get an experiment',
  params,
  returns: 'The experiment.',
  answer: experimentView,
})

const getExperimentReportOperation = operation({
  route: 'GET /v1/experiments/{name}/report',
  operationId: 'get_experiment_report',
  summary: 'Get the report of an experiment',
  description:
    'Costs and outcomes of each arm, how sure the differences are, and what to do. Valid however often it is read.',
  params,
  query: {
    format: z
      .enum(['json', 'csv', 'markdown'], { error: 'expected json, csv or markdown' })
      .default('json')
      .describe('json (default), csv or markdown.'),
    price_per_million_tokens: queryNumber(
      'Price of a million prompt tokens, for cost_per_turn; absent: no costs.',
      0.15,
    ),
    margin: queryNumber(
      'Loss of the deciding outcome that a cheaper arm may have at most; default 5 %.',
      0.05,
    ),
  },
  returns: 'The report.',
  answer: report.shape,
})

const updateExperimentOperation = operation({
  route: 'PATCH /v1/experiments/{name}',
  operationId: 'update_experiment',
  summary: 'Change weights, outcome or shadow share of an experiment',
  description: 'Units keep the arm that they have. Arms cannot be renamed, added or removed.',
  params,
  body: {
    arms: z
      .array(z.strictObject({ name: armName, weight }), { error: 'expected a list of arms' })
      .max(MAX_ARMS, { error: `expected at most ${MAX_ARMS} arms` })
      .optional()
      .openapi({ description: 'New weights by name; arms that are not listed keep theirs.' }),
    outcome: outcome.optional(),
    shadow_share: shadowShare.optional(),
  },
  returns: 'The experiment.',
  answer: experimentView,
})

const deleteExperimentOperation = operation({
  route: 'DELETE /v1/experiments/{name}',
  operationId: 'delete_experiment',
  summary: 'Delete an experiment with all it has recorded',
  params,
  returns: 'The experiment is deleted.',
  answer: { status: z.enum(['deleted']), name: z.string() },
})

const transitions = (
  [
    ['start', 'Start a draft, or continue a paused experiment', 'Assigns units from now on.'],
    [
      'pause',
      'Stop assigning new units',
      'Units that have an arm keep it; other recalls get the strategy of the request.',
    ],
    [
      'stop',
      'Stop an experiment permanently',
      'All recalls get the strategy of the request. The report stays.',
    ],
  ] as const
).map(([action, summary, description]) => ({
  action,
  transition: operation({
    route: `POST /v1/experiments/{name}/${action}`,
    operationId: `${action}_experiment`,
    summary,
    description,
    params,
    returns: 'The experiment.',
    answer: experimentView,
  }),
}))

export function experimentRoutes(api: Api, services: HttpServices): void {
  const { experimentBook: book, experiments } = services

  createExperimentOperation.handle(api, async ({ start, arms, ...given }, c) => {
    const cleaned = arms.map((one) => omitUndefined(one) as Experiment['arms'][number])
    return await toView(
      c.get('namespace'),
      await book.create(c.get('namespace'), { ...given, arms: cleaned }, start),
    )
  })

  listExperimentsOperation.handle(api, async (_, c) => {
    const namespace = c.get('namespace')
    const found = await book.list(namespace)
    const views = await Promise.all(found.map((one) => toView(namespace, one)))
    return { experiments: views, count: views.length }
  })

  getExperimentOperation.handle(
    api,
    async ({ name }, c) => await toView(c.get('namespace'), await book.get(c.get('namespace'), name)),
  )

  getExperimentReportOperation.handle(
    api,
    async ({ name, format, price_per_million_tokens: pricePerMillionTokens, margin }, c) => {
      const namespace = c.get('namespace')
      const experiment = await book.get(namespace, name)
      const { arms } = await experiments.totals(namespace, experiment)
      const count = Object.values(arms).reduce((sum, { units }) => sum + units, 0)
      const shards = experiments.shardsOf(namespace, experiment)
      const options = omitUndefined({ pricePerMillionTokens, margin })
      const created = await computeReport(shards, count, { experiment, options }, signalOf(c))
      if (format === 'json') return created
      const type = format === 'csv' ? 'text/csv' : 'text/markdown'
      return c.body(FORMATS[format](created), 200, { 'content-type': `${type}; charset=utf-8` })
    },
  )

  updateExperimentOperation.handle(api, async ({ name, ...changes }, c) => {
    const namespace = c.get('namespace')
    return await toView(namespace, await book.update(namespace, name, changes))
  })

  for (const { action, transition } of transitions) {
    transition.handle(api, async ({ name }, c) => {
      const namespace = c.get('namespace')
      return await toView(namespace, await book[action](namespace, name))
    })
  }

  deleteExperimentOperation.handle(api, async ({ name }, c) => {
    await experiments.delete(c.get('namespace'), name)
    return { status: 'deleted', name }
  })

  async function toView(namespace: string, { salt, weight_changes: _, ...experiment }: Experiment) {
    const { arms, conflicts } = await experiments.totals(namespace, { salt })
    // An arm may be named like a property of every object.
    const totals = new Map(Object.entries(arms))
    const counts = experiment.arms.map((one) => ({ ...one, ...(totals.get(one.name) ?? NO_TOTALS) }))
    return {
      ...experiment,
      arms: counts,
      created_at: toIso(experiment.created_at),
      started_at: toIso(experiment.started_at),
      stopped_at: toIso(experiment.stopped_at),
      units: counts.reduce((sum, { units }) => sum + units, 0),
      turns: counts.reduce((sum, { turns }) => sum + turns, 0),
      conflicts,
    }
  }
}
