import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { LlmResult, ModelSelection, ToolContext } from '@dify/plugin-sdk-ts'
import { z } from 'zod'
import type { Caller } from './caller.ts'
import { NodeError } from './failure.ts'
import { callSidecar, DEADLINE_MS } from './sidecar.ts'

/** No request is taken after this time; one that was taken is still answered. */
const SERVE_MS = 30_000
const MAX_REQUESTS = 12
/** Longest wait for a request while one is due, milliseconds. */
const WAIT_MS = 2_000
/** The same while the work of the node may cause one; the end of the work ends the wait. */
const WORK_WAIT_MS = 10_000
/** The deadline of a call that waits, milliseconds. */
const POLL_DEADLINE_MS = 20_000
/** Between two attempts to end a wait, milliseconds. */
const REPEAT_MS = 50
/** Most providers limit the output, and refuse a request for more. */
const MAX_OUTPUT_TOKENS = 4096

const PATH = '/v1/model-requests'

export const EMBEDDINGS = ['query', 'document'] as const
export const ALL_KINDS = ['completion', ...EMBEDDINGS] as const
type Kind = (typeof ALL_KINDS)[number]

const Poll = z.looseObject({
  enabled: z.boolean(),
  /** The embedding model of the sidecar. */
  embedding: z.looseObject({ model: z.string(), dimensions: z.number() }).nullable(),
  request: z
    .union([
      z.looseObject({ id: z.string(), kind: z.enum(EMBEDDINGS), texts: z.array(z.string()) }),
      z.looseObject({
        id: z.string(),
        kind: z.literal('completion'),
        messages: z.array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })),
        max_output_tokens: z.number(),
      }),
    ])
    .nullable(),
})

type Request = NonNullable<z.output<typeof Poll>['request']>
type Of<K extends Kind> = Extract<Request, { kind: K }>

interface Server {
  caller: Pick<Caller, 'credentials'>
  parse<S extends z.ZodType>(schema: S, body: unknown): z.output<S>
  dify: Pick<ToolContext, 'models' | 'signal'>
}

/** The models that the author of the app has chosen in the node. */
interface NodeModels {
  llm?: ModelSelection | undefined
  embedding?: ModelSelection | undefined
}

/**
 * Runs the sidecar's model requests with the models of a node. Without a model that the sidecar needs it makes no call of
 * its own, or a single one. A sidecar that fails ends it and is only logged: it keeps the turns and asks the next node.
 */
export function serveModels({ caller, parse, dify }: Server, user_id: string, models: NodeModels) {
  const { llm } = models
  let { embedding } = models
  /** The length of the sidecar's vectors. */
  let dimensions: number | undefined
  const end = performance.now() + SERVE_MS
  /** Why a model failed or is not used; empty otherwise. */
  const failures = { completion: '', embedding: '' }
  const client = randomUUID()
  let isOver = false
  let isWaiting = false
  let served = 0
  /** Taken, but not run yet. */
  let request: Request | undefined
  let answer: object | undefined

  const runnable = (kinds: readonly Kind[]) =>
    isOver ? [] : kinds.filter((kind) => (kind === 'completion' ? llm : embedding))

  /** Hands over the answer and takes the next request. */
  async function poll(takes: readonly Kind[], waitMs: number, isWorking: boolean) {
    const fields = { client, takes, embedding_model: embedding?.model }
    const body = { user_id, wait_ms: waitMs, expected: isWorking, answer, ...fields }
    answer = undefined
    isWaiting = waitMs > 0
    try {
      const polled = await callSidecar(caller.credentials, {
        ...{ method: 'POST', path: PATH, body, signal: dify.signal },
        deadlineMs: waitMs > 0 ? POLL_DEADLINE_MS : DEADLINE_MS.read,
      })
      const { enabled, embedding: expected, request: taken } = parse(Poll, polled.body)
      request = taken ?? undefined
      isOver ||= takes.length > 0 && !enabled
      checkName(expected)
    } catch (error) {
      if (dify.signal.aborted) return
      if (!(error instanceof NodeError)) throw error
      console.error(`[models] ${error.message}`)
      isOver = true
    } finally {
      isWaiting = false
    }
  }

  /**
   * Ends the call that waits. Cancelled on this side instead, it could lose a request that was handed out meanwhile.
   * Repeated, because it may overtake that call.
   */
  async function endWait(): Promise<void> {
    const body = { user_id, client, takes: [] }
    while (isWaiting) {
      const ask = { method: 'POST', path: PATH, body, deadlineMs: DEADLINE_MS.read } as const
      await callSidecar(caller.credentials, ask).catch(() => {})
      await pause(REPEAT_MS)
    }
  }

  /** A sidecar has the vectors of one model: those of another one cannot be compared with them. */
  function checkName(expected: z.output<typeof Poll>['embedding']): void {
    if (!embedding) return
    dimensions = expected?.dimensions
    if (expected?.model === embedding.model) return
    if (expected) {
      failures.embedding =
        `Embedding model: expected ${expected.model}, the model of the sidecar ` +
        `(EMBEDDING_MODEL=dify:${expected.model}), got ${embedding.model}, which is not used. ` +
        `Choose ${expected.model} in the node.`
      console.error(`[models] ${failures.embedding}`)
    }
    embedding = undefined
  }

  async function run(taken: Request, kinds: readonly Kind[], ended?: AbortSignal): Promise<void> {
    const isCompletion = taken.kind === 'completion'
    const model = isCompletion ? llm : embedding
    if (!model) return
    const running = isCompletion ? complete(dify, model, taken) : embed(dify, model, taken, dimensions)
    // A recall that has ended without the embedding of its query needs it no more.
    const isRecall = ended && !ended.aborted && !kinds.includes('document')
    const result = await (isRecall ? Promise.race([running, aborted(ended)]) : running)
    if (!result) return
    if ('error' in result)
      failures[isCompletion ? 'completion' : 'embedding'] = `The model ${model.model} failed: ${result.error}`
    answer = { id: taken.id, ...result }
    served += 1
  }

  /** Runs requests until none is expected or `ended` is aborted. */
  async function serve(kinds: readonly Kind[], waitMs: number, ended?: AbortSignal): Promise<void> {
    for (;;) {
      if (request) {
        const taken = request
        request = undefined
        await run(taken, kinds, ended)
      }
      const isOpen = !ended?.aborted && !dify.signal.aborted
      const hasTime = isOpen && performance.now() < end && served < MAX_REQUESTS
      const takes = hasTime ? runnable(kinds) : []
      if (takes.length === 0 && !answer) return
      await poll(takes, takes.length > 0 ? waitMs : 0, takes.length > 0 && ended !== undefined)
      if (!request && (!ended || ended.aborted)) return
    }
  }

  return {
    failures,
    /** Runs `work`, a call of the sidecar, and meanwhile the requests that it waits for. */
    async during<T>(kinds: readonly Kind[], work: () => Promise<T>): Promise<T> {
      if (runnable(kinds).length === 0) return await work()
      // The sidecar waits only for a client that it knows of.
      await poll(runnable(kinds), 0, true)
      const ended = new AbortController()
      const serving = serve(kinds, WORK_WAIT_MS, ended.signal)
      const working = work().finally(() => {
        ended.abort()
        void endWait()
      })
      await Promise.allSettled([working, serving])
      const result = await working
      await serving
      return result
    },
    /** Runs the requests that are due, until none is. */
    async due(kinds: readonly Kind[]): Promise<void> {
      await serve(kinds, WAIT_MS)
    },
  }
}

async function complete(
  { models }: Server['dify'],
  model: ModelSelection,
  { messages, max_output_tokens }: Of<'completion'>,
): Promise<{ error: string } | ReturnType<typeof toAnswer>> {
  const limit = { max_tokens: Math.min(max_output_tokens, MAX_OUTPUT_TOKENS) }
  const attempt = (completion_params: ModelSelection['completion_params']) =>
    models.llm({ model: { ...model, completion_params }, messages })
  try {
    const params = model.completion_params ?? {}
    const result = await attempt({ ...limit, ...params }).catch((error: unknown) => {
      // The model may have a lower limit, or none of this name.
      if (!/max_tokens|model parameter/i.test(String(error))) throw error
      return attempt(params)
    })
    return toAnswer(result)
  } catch (error) {
    return { error: messageOf(error) }
  }
}

async function embed(
  { models }: Server['dify'],
  model: ModelSelection,
  { kind, texts }: Of<'query' | 'document'>,
  dimensions: number | undefined,
): Promise<{ error: string } | object> {
  try {
    const result = await models.embed({ model, texts, input_type: kind })
    const other = result.embeddings.find(({ length }) => length !== dimensions)
    if (other) {
      const expected = `expected vectors of ${dimensions} numbers (EMBEDDING_DIMENSIONS of the sidecar)`
      return { error: `${expected}, got ${other.length}` }
    }
    return {
      // A third of the size of decimal numbers.
      vectors: result.embeddings.map((vector) =>
        Buffer.from(Float32Array.from(vector).buffer).toString('base64'),
      ),
      model: result.model,
      tokens_in: Math.round(result.usage.prompt_tokens),
    }
  } catch (error) {
    return { error: messageOf(error) }
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

async function aborted(signal: AbortSignal): Promise<undefined> {
  if (!signal.aborted) await once(signal, 'abort')
}

function toAnswer({ text, tool_calls, finish_reason, model, usage }: LlmResult) {
  return {
    // Some models put the requested JSON into the arguments of a function that was not offered.
    text: text.trim() === '' ? tool_calls.map((call) => call.arguments).join('\n') : text,
    finish: /length|max_tokens/.test(finish_reason ?? '')
      ? 'length'
      : /content_filter|refus/.test(finish_reason ?? '')
        ? 'refused'
        : 'stop',
    model,
    tokens_in: Math.round(usage.prompt_tokens),
    tokens_out: Math.round(usage.completion_tokens),
  }
}
