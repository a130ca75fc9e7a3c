import { z } from 'zod'
import { resolveTurn } from './shared/caller.ts'
import { type MemoryItem, toItem } from './shared/memories.ts'
import { modelSelection } from './shared/model-selection.ts'
import { serveModels } from './shared/models.ts'
import { defineNode } from './shared/node.ts'
import {
  choice,
  fraction,
  id,
  integer,
  jsonObject,
  list,
  name,
  text,
  turnNumber,
} from './shared/parameters.ts'
import { DEADLINE_MS } from './shared/sidecar.ts'
import { plural } from './shared/text.ts'

const part = z.string().catch('')
const Answer = z.looseObject({
  status: z.enum(['ok', 'empty', 'degraded']),
  context: z.string(),
  block: part,
  delta: part,
  strategy: part,
  memories: z.array(z.record(z.string(), z.unknown())).catch([]),
})
/** Parsed apart from `Answer`, because the JSON object repeats these as the sidecar sent them. */
const Details = z.looseObject({
  cache: z
    .looseObject({ result: z.string().catch('none'), reason: part, age_turns: z.number().catch(-1) })
    .catch({ result: 'none', reason: '', age_turns: -1 }),
  experiment: z.looseObject({ arm: part }).catch({ arm: '' }),
  took_ms: z.looseObject({ total: z.number().catch(0) }).catch({ total: 0 }),
})

/** Searches the user's memories. An empty query (a picture without text) finds nothing and is not an error. */
export const retrieveMemory = defineNode({
  name: 'retrieve_memory',
  parameters: {
    query: text('text, such as sys.query').optional(),
    user_id: id('the id of a user, such as sys.user_id').optional(),
    conversation_id: name('the id of a conversation').optional(),
    turn: turnNumber(),
    strategy: choice(['auto', 'per_query', 'cached', 'cached_delta', 'experiment']).default('auto'),
    // Dify uses 500 when the window of the LLM node is switched off.
    window_size: integer(0, 500).default(10),
    top_k: integer(1, 100).default(10),
    threshold: fraction().optional(),
    token_budget: integer(0, 100_000).default(1500),
    include: list(['memories', 'profile', 'entities', 'relations', 'summary']).optional(),
    freshness: choice(['window', 'write']).optional(),
    refresh_on_shift: fraction().optional(),
    experiment: name('the name of an experiment').optional(),
    filters: jsonObject().optional(),
    agent_id: name('the id of an agent').optional(),
    embedding_model: modelSelection().optional(),
  },
  outputs: {
    context: '',
    block: '',
    delta: '',
    memories: [] as MemoryItem[],
    count: 0,
    status: 'error',
    strategy: '',
    cache: 'none',
    reason: '',
    age_turns: -1,
    arm: '',
    took_ms: 0,
    error: '',
  },
  jsonOutputs: ['status', 'count', 'strategy', 'error', 'memories'],
  failureText: 'The memory could not be read.',
  async run({ query, conversation_id, turn, embedding_model, ...options }, call) {
    if (query === undefined)
      return { outputs: { status: 'empty' }, text: 'Nothing was searched: the query is empty.' }
    const models = serveModels(call, options.user_id, { embedding: embedding_model })
    const place = resolveTurn(call.caller, { conversation_id, turn })
    const recall = () =>
      call.ask(Answer, {
        method: 'POST',
        path: '/v1/recall',
        body: { query, ...place, ...options },
        deadlineMs: DEADLINE_MS.read,
        isRepeatable: true,
      })
    const body = await models.during(['query'], recall)
    const error = models.failures.embedding
    const { status, context, block, delta, strategy, engine, degraded, tokens } = body
    const { cache, experiment, took_ms } = Details.parse(body)
    const memories = body.memories.map(toItem)
    const count = memories.length
    return {
      outputs: {
        ...{ context, block, memories, count, status, strategy },
        // Templates have no condition: with its own blank line, an empty delta leaves none before the query.
        delta: delta === '' ? '' : `${delta}\n\n`,
        ...{ cache: cache.result, reason: cache.reason, age_turns: cache.age_turns },
        ...{ arm: experiment.arm, took_ms: took_ms.total, error },
      },
      details: {
        memories: memories.map(({ id, content, score, at }) => ({ id, content, score, at })),
        ...{ engine, degraded, tokens, cache: body['cache'], experiment: body['experiment'] },
        took_ms: body['took_ms'],
      },
      text: `${describe(status, count, context)} ${error}`.trimEnd(),
      agentText: context,
    }
  },
})

function describe(status: string, count: number, context: string): string {
  if (status === 'empty' || (count === 0 && context === '')) return 'No memory matches.'
  const found = `Found ${plural(count, 'memory', 'memories')}`
  return status === 'degraded' ? `${found}; the answer is older or incomplete.` : `${found}.`
}
