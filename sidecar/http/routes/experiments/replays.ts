import { z } from '@hono/zod-openapi'
import { formatReplay, REPLAY_FORMATS } from '../../../experiments/replay/format.ts'
import { JOB_STATUSES, type ReplayJob, type ReplayJobs } from '../../../experiments/replay/jobs.ts'
import {
  DEFAULT_OPTIONS,
  MAX_WINDOW_SIZE,
  MAX_WINDOWS,
  parseSince,
} from '../../../experiments/replay/options.ts'
import { replayReport } from '../../../experiments/replay/report.ts'
import { AppError } from '../../../ports/errors.ts'
import { STRATEGIES } from '../../../retrieval/strategies/request.ts'
import { type Api, operation } from '../../shared/operation.ts'
import * as s from '../../shared/schemas.ts'
import type { HttpServices } from '../../shared/services.ts'
import { toIso } from '../../shared/values.ts'

const CONTENT_TYPES = { csv: 'text/csv; charset=utf-8', markdown: 'text/markdown; charset=utf-8' }

const id = z.string().max(100).describe('Id of the replay.')
const shareError = 'expected a number from 0 to 1'

const job = {
  id: z.string(),
  status: z.enum(JOB_STATUSES),
  done: z.number().describe('Turns that every strategy has answered.'),
  total: z.number().describe('Turns to replay; 0 until they are counted.'),
  started_at: z.string(),
  ended_at: z.string().nullable(),
  error: z.string().nullable(),
}

const startReplayOperation = operation({
  route: 'POST /v1/replays',
  operationId: 'start_replay',
  summary: 'Start a replay: what each strategy would have injected at each stored turn',
  description:
    'Answers every stored turn with every strategy, as of that turn, in the background. Writes nothing and calls no model. ' +
    'One replay runs at a time; the latest 10 are kept until the sidecar stops.',
  body: {
    user_id: s.userId.optional(),
    app_id: s.identifier('Only turns of this app.', 'app-1').optional(),
    since: z.string().max(40).optional().openapi({
      description:
        'Only turns said since then: an age (30d, 12h, 8w), a day, or an ISO 8601 time with a time zone. Absent: all.',
      example: '30d',
    }),
    strategies: z
      .array(z.enum(STRATEGIES))
      .min(1)
      .max(STRATEGIES.length)
      .default([...DEFAULT_OPTIONS.strategies])
      .describe('Strategies to compare; default: all three.'),
    windows: z
      .array(s.integer(1, MAX_WINDOW_SIZE))
      .min(1)
      .max(MAX_WINDOWS)
      .default([...DEFAULT_OPTIONS.windows])
      .describe(`Window sizes to compare, at most ${MAX_WINDOWS}; default 5, 10, 20.`),
    refresh_on_shift: z
      .number({ error: shareError })
      .min(0, { error: shareError })
      .max(1, { error: shareError })
      .optional()
      .describe('Also compares cached with this refresh_on_shift, 0 to 1.'),
    top_k: s.topK,
    token_budget: s
      .integer(0, 100_000)
      .default(DEFAULT_OPTIONS.tokenBudget)
      .describe('Maximum o200k tokens of the context; default 1500.'),
  },
  returns: 'The replay has started.',
  answer: job,
})

const listReplaysOperation = operation({
  route: 'GET /v1/replays',
  operationId: 'list_replays',
  summary: 'List the latest replays, newest first, without their results',
  returns: 'The replays.',
  answer: { replays: z.array(z.object(job)), count: z.number() },
})

const getReplayOperation = operation({
  route: 'GET /v1/replays/{id}',
  operationId: 'get_replay',
  summary: 'Get the progress of a replay and, once it is done, its result',
  params: { id },
  query: {
    format: z
      .enum(REPLAY_FORMATS)
      .default('json')
      .describe('json, the default; csv and markdown return the result as text.'),
  },
  returns: 'The replay. result is null until it is done.',
  answer: { ...job, result: replayReport.nullable() },
})

const cancelReplayOperation = operation({
  route: 'DELETE /v1/replays/{id}',
  operationId: 'cancel_replay',
  summary: 'Cancel a replay; one that has ended keeps its result',
  params: { id },
  returns: 'The replay.',
  answer: job,
})

export function replayRoutes(api: Api, { replays, now }: HttpServices): void {
  startReplayOperation.handle(api, (body, c) => {
    const { user_id, app_id, since, strategies, windows, refresh_on_shift, top_k, token_budget } = body
    const started = required(replays).start(c.get('namespace'), {
      namespace: c.get('namespace'),
      userId: user_id,
      appId: app_id,
      since: since === undefined ? undefined : parseSince(since, now()),
      strategies,
      windows: [...new Set(windows)],
      refreshOnShift: refresh_on_shift,
      topK: top_k,
      tokenBudget: token_budget,
    })
    return toView(started)
  })

  listReplaysOperation.handle(api, (_, c) => {
    const views = required(replays).list(c.get('namespace')).map(toView)
    return { replays: views, count: views.length }
  })

  getReplayOperation.handle(api, (input, c) => {
    const found = required(replays).get(c.get('namespace'), input.id)
    if (input.format === 'json') return { ...toView(found), result: found.report }
    if (!found.report) {
      throw new AppError('conflict', `id: expected a replay that is done, got one that is ${found.status}`)
    }
    return c.body(formatReplay(found.report, input.format), 200, {
      'content-type': CONTENT_TYPES[input.format],
    })
  })

  cancelReplayOperation.handle(api, async (input, c) =>
    toView(await required(replays).cancel(c.get('namespace'), input.id)),
  )
}

function required(replays: ReplayJobs | undefined): ReplayJobs {
  if (replays) return replays
  throw new AppError('backend_unavailable', 'This sidecar has no replays.')
}

function toView({ id, status, done, total, startedAt, endedAt, error }: ReplayJob) {
  return { id, status, done, total, started_at: toIso(startedAt), ended_at: toIso(endedAt), error }
}
